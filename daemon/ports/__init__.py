"""All doors of the house, and what passes through them: one page for each.

An adapter's author needs `daemon.ports.erp`, `daemon.domain` and `daemon.errors`, and nothing else.
"""

from daemon.ports.erp import BookedLine, Capabilities, Effect, ErpAdapter, GroupingAdapter, Record, RehearsingAdapter, Reports
from daemon.ports.marketplace import Answer, Element, Marketplace, Reference
from daemon.ports.say import Say
from daemon.ports.store import Glance, Leadership, Store, Transaction

__all__ = [
    "Answer",
    "BookedLine",
    "Capabilities",
    "Effect",
    "Element",
    "ErpAdapter",
    "Glance",
    "GroupingAdapter",
    "Leadership",
    "Marketplace",
    "Record",
    "Reference",
    "RehearsingAdapter",
    "Reports",
    "Say",
    "Store",
    "Transaction",
]
