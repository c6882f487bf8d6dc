"""The `files` adapter, for an ERP that imports from a folder: one document per effect, each exactly once, and the ERP's replies.

settings    what the operator may say, and what an order lacks under it
document    what a document says, and what it is called
ascii       JSON in ASCII, as `json.dumps` would write it
table       the same as CSV
cells       one cell of it, safe in a spreadsheet
flush       making files outlive a power cut, many at once
folder      the folder and its protocol: staged, receipted, shown
receipt     what is remembered of an effect for good
setup       creating the folder, and proving that the protocol can work there
replies     the ERP's replies: taken once, told until they are recorded
postmark    which file may be taken, and the stamp that it is given
letter      a file of replies, JSON or CSV
reply       what one reply says, and the news in it
aside       replies that are not understood
standing    what replies have said of each record so far
outbox      what each effect needs: nothing, a verdict, or a document
adapter     the port of `daemon.ports`, in worker threads
"""

from daemon.erp.files.adapter import FilesAdapter

__all__ = ["FilesAdapter"]
