"""The `tryton` adapter, for Tryton 8.0 and later: sales over its REST interface, by a user application's key.

settings    what the operator may say
wire        Tryton's own spelling of numbers and dates, and its addresses
rest        one exchange: sent, answered, and what a failure means
desk        the calls of one effect, and whether anything was written yet
lookup      what Tryton knows of the things an order names
content     what a sale shall hold: header, comment and lines
sale        what a sale holds, and the record that the core is told of
book        create, update and cancel, by the sale's state
amend       changes after confirmation
news        what has happened to our sales
check       what must be there, each with its remedy
adapter     the port of `daemon.ports`

Everything here was tried against real servers; it speaks HTTP only and imports nothing of Tryton's.
"""

from daemon.erp.tryton.adapter import TrytonAdapter

__all__ = ["TrytonAdapter"]
