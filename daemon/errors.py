"""The whole tree of errors. The class is the verdict; the docstring is the message unless one is given.

DaemonError
├── OperatorError                a person can mend it: message, remedy, exit code, never a traceback
│   ├── ConfigError        (3)   carries every problem at once
│   ├── DatabaseError      (4)   missing, unwritable, full, of another schema
│   ├── MarketplaceRefused (5)   the API key, the address or the certificate is refused
│   ├── AdapterError       (6)   no such adapter, the ERP's set-up is not complete
│   │   └── AdapterBroken        installed, and cannot be used: other workspaces need not mind
│   └── WorkspaceLocked    (7)   another daemon holds the workspace
├── MarketplaceUnavailable       the API is away: try again later
├── RequestRefused               the API refused this one request (4xx)
├── SliceUnreadable              the answer of a slice is too large, cut off or no JSON: halve the slice
│   └── SweepEmpty               a sweep listed nothing where many orders had been listed
├── ErpError                     verdicts of an adapter; anything else that it raises is a doubt
│   ├── OrderRejected            this order only, nothing was written
│   ├── Conflict                 the ERP has progressed, a person decides
│   ├── Ambiguous                two records bear one key
│   └── ErpUnavailable           nothing was sent: try all later
├── StoreUnavailable             the database is away: try again later
├── Deposed                      another leader took the workspace: record nothing, start nothing
├── CycleStuck                   nothing moved in a cycle any more, and it was cut off
├── PoisonRow                    the database refuses this one row
└── OrderUnknown                 no such order in this database
"""

from collections.abc import Sequence


class DaemonError(Exception):
    """Something went wrong."""

    #: What to do about it, one sentence; empty where nobody can do anything.
    remedy: str = ""
    #: Every problem found, one line each; empty when the message says it all.
    problems: Sequence[str] = ()

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").splitlines()[0])


class OperatorError(DaemonError):
    """A person can mend this."""

    exit_code = 1

    def __init__(self, message: str = "", *, remedy: str = "", problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.problems = tuple(problems)


class ConfigError(OperatorError):
    """The configuration cannot be used."""

    exit_code = 3


class DatabaseError(OperatorError):
    """The database cannot be used."""

    exit_code = 4


class MarketplaceRefused(OperatorError):
    """Consentio refuses us."""

    exit_code = 5


class AdapterError(OperatorError):
    """The ERP adapter cannot be used."""

    exit_code = 6


class AdapterBroken(AdapterError):
    """The ERP adapter is installed, and cannot be used."""


class WorkspaceLocked(OperatorError):
    """Another daemon holds this workspace."""

    exit_code = 7


class MarketplaceUnavailable(DaemonError):
    """Consentio cannot be reached."""

    remedy = "Try again later (`run` does so by itself). If it lasts, check consentio.base_url, the network and the proxy."

    def __init__(self, message: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        #: Seconds that the API asked us to wait, already capped; None when it said nothing.
        self.retry_after_s = retry_after_s


class RequestRefused(DaemonError):
    """Consentio refused a request."""

    remedy = "Compare [consentio.wire] with what Consentio's documentation says, and ask Consentio's support."

    def __init__(self, message: str = "", *, status: int = 400) -> None:
        super().__init__(message)
        #: The HTTP status, 400 to 499.
        self.status = status


class SliceUnreadable(DaemonError):
    """The answer is too large, cut off or no JSON."""

    remedy = "It is asked for again in the next cycle. If it lasts, look for a proxy that changes answers, or tell Consentio."


class SweepEmpty(SliceUnreadable):
    """A sweep listed nothing where many orders had been listed."""

    remedy = "Look whether Consentio shows the workspace's orders, with the same key. The first one listed ends it."


class ErpError(DaemonError):
    """The ERP did not do it."""


class OrderRejected(ErpError):
    """The ERP refuses this order; nothing was written."""

    def __init__(self, reason: str = "", *, missing: Sequence[str] = ()) -> None:
        super().__init__(reason)
        #: Every key that the ERP does not know, all at once, as `kind:key` (`product:TOM-RAF`, `customer:C-17`).
        self.missing = tuple(missing)


class Conflict(ErpError):
    """The ERP's record has progressed too far for this change."""


class Ambiguous(ErpError):
    """The ERP holds two records with one key."""


class ErpUnavailable(ErpError):
    """The ERP is away; nothing was sent."""

    remedy = "Try again later (`run` does so by itself). If it lasts, look whether the ERP runs, and at its table in the config."

    def __init__(self, message: str = "", *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy or type(self).remedy


class StoreUnavailable(DaemonError):
    """The database is away."""

    remedy = "Try again later (`run` does so by itself). If it lasts, check database.url, and whether its server runs."


class Deposed(DaemonError):
    """Another leader took this workspace."""


class CycleStuck(DaemonError):
    """The cycle was cut off."""


class PoisonRow(DaemonError):
    """The database refuses a row."""


class OrderUnknown(OperatorError):
    """This database knows no such order."""

    exit_code = 2
