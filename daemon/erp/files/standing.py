"""What replies have said of each record so far, kept beside its receipts, so that a database that forgot can ask for it."""

import hashlib
import json
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from daemon.erp.files.ascii import ascii_json
from daemon.erp.files.document import safe_key
from daemon.erp.files.reply import Reply
from daemon.errors import Conflict

#: So many refused keys of one record are remembered, the newest; and a refused create always.
_REMEMBERED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one record stands in the ERP by its replies: the newest word of each kind."""

    number: str | None = None
    status: str | None = None
    total: str | None = None
    cancelled: bool = False
    #: The create was refused: there is no record, and never will be.
    stillborn: bool = False
    #: The keys of other effects that were refused.
    refused: tuple[str, ...] = ()

    def after(self, reply: Reply, record: str) -> "Standing":
        """What it is once this reply is heard, too."""
        if reply.refused and reply.key == record:
            return replace(self, stillborn=True)
        if reply.refused:
            return replace(self, refused=tuple(dict.fromkeys([*self.refused, reply.key or ""]))[-_REMEMBERED:])
        return replace(
            self,
            number=reply.number or self.number,
            status=reply.status or self.status,
            total=self.total if reply.total is None else str(reply.total),
            cancelled=self.cancelled if reply.cancelled is None else reply.cancelled,
        )

    @property
    def booked(self) -> Decimal | None:
        """The total as a number."""
        return None if self.total is None else Decimal(self.total)

    def to_bytes(self) -> bytes:
        """As JSON."""
        return ascii_json(self)


UNHEARD = Standing()


def path_of(receipts: Path, record: str) -> Path:
    """Where a record's standing is kept."""
    name = safe_key(record) + ".standing"
    return receipts / hashlib.sha256(name.encode()).hexdigest()[:2] / name


def standing_of(receipts: Path, record: str) -> Standing:
    """What replies said of a record; `UNHEARD` if none came. Raises `Conflict` if it cannot be read."""
    path = path_of(receipts, record)
    try:
        values = json.loads(path.read_bytes())
        return Standing(**{**values, "refused": tuple(values["refused"])})
    except FileNotFoundError:
        return UNHEARD
    except (ValueError, TypeError, KeyError) as problem:
        remedy = "put it back from a backup, or remove it: the ERP's next reply says it again"
        raise Conflict(f"{path} cannot be read: {remedy}") from problem
