"""The `files` adapter, for an ERP that imports from a folder: one JSON document per effect, each exactly once.

settings    what the operator may say, and what an order lacks under it
document    what a document says, and what it is called
flush       making files outlive a power cut, many at once
folder      the folder and its protocol: staged, receipted, shown
receipt     what is remembered of an effect for good
setup       creating the folder, and proving that the protocol can work there
outbox      what each effect needs: nothing, a verdict, or a document
adapter     the port of `daemon.ports`, in worker threads
"""

from daemon.erp.files.adapter import FilesAdapter

__all__ = ["FilesAdapter"]
