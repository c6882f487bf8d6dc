"""The door to the ERP: what an adapter promises. Contract version 1."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Literal, Protocol, Self

from daemon.domain.content import Change
from daemon.domain.ledger import Kind, News
from daemon.domain.order import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedLine:
    """One line of a record as the ERP holds it, without taxes; what the ERP does not say is None."""

    #: The order's line that it stands for, where the ERP keeps that.
    line_id: str | None = None
    sku: str | None = None
    amount: Decimal | None = None
    unit: str | None = None
    price: Decimal | None = None
    total: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The ERP's document for an order."""

    #: What the ERP finds it by; no person need know it.
    id: str
    #: What people call it, and what Consentio is told; None where it has none yet. See `Capabilities.numbers_later`.
    number: str | None = None
    #: Whether it counts: a cancelled record is not live.
    live: bool = True
    status: str | None = None
    #: The total as booked, without taxes, where the ERP computes one.
    total: Decimal | None = None
    #: The lines as booked, where the adapter read them back.
    lines: tuple[BookedLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reports:
    """What the ERP has to tell, and the cursor that stands behind it."""

    news: Sequence[News]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One change asked of the ERP, for `apply` and `preview`."""

    kind: Kind
    key: str
    order: Order
    record: str | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter can do; the core steers by it, never by the adapter's name."""

    #: Which keys `find` answers: none, those of creates, or every key.
    find: Literal["nothing", "creates", "every"] = "creates"
    #: `read` works.
    read: bool = True
    #: The ERP refuses a second create with one key (it answers with the first record).
    refuses_second_key: bool = False
    #: What the ERP allows once it has confirmed an order.
    edit_after_confirmation: bool = True
    remove_line_after_confirmation: bool = True
    cancel_after_confirmation: bool = True
    #: `reports` has something to say.
    reports: bool = False
    #: A record gets its number later (told by `reports`): until then Consentio is told no reference, never the record's id.
    numbers_later: bool = False
    #: How many effects `apply` takes at once; 1 means that effects are called one by one.
    group_size: int = 1
    #: How many calls may run side by side.
    concurrency: int = 4


class ErpAdapter(Protocol):
    """One ERP, found under the entry-point group `daemon.erp`; made with its settings; an async context manager.

    Verdicts are raised: `OrderRejected`, `Conflict`, `Ambiguous`, and `ErpUnavailable` when *nothing was sent*.
    Anything else that is raised, a timeout and a cancellation included, is a doubt.
    """

    contract: ClassVar[int]
    #: A pydantic model of the adapter's own config table.
    Settings: ClassVar[Any]
    capabilities: Capabilities

    def __init__(self, settings: Any, *, workspace: str) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    @property
    def identity(self) -> str:
        """Which ERP this is (a folder, an address and a database), so that one ledger never serves two. No secret in it."""
        ...

    async def check(self) -> None:
        """The ERP answers, the credentials work, what is needed is set up; else AdapterError or ErpUnavailable."""
        ...

    async def find(self, key: str) -> Record | None:
        """The record that an effect with this key left behind, be it draft or cancelled; `Ambiguous` if two."""
        ...

    async def read(self, record: str) -> Record | None:
        """The record as the ERP has it; None when it is gone."""
        ...

    async def create(self, order: Order, key: str) -> Record:
        """Make a record that bears the key."""
        ...

    async def update(self, record: str, change: Change, key: str) -> Record:
        """Bring the record to `change.after`, whatever it holds; repeatable. `Conflict` if it is gone or too far."""
        ...

    async def cancel(self, record: str, order: Order, key: str) -> Record:
        """Cancel the record. A record that is already cancelled or gone is a success."""
        ...

    async def preview(self, effect: Effect) -> str:
        """What would be done, in words, touching nothing.

        Raises the verdict that the effect would meet, as far as it can be known without writing.
        """
        ...

    async def reports(self, since: str | None) -> Reports:
        """News since a cursor of the ERP's own; None: since the beginning of what the ERP still knows.

        Asked only where `capabilities.reports`. Reading consumes nothing: the same news may be told again, and are, until a later
        call names the returned cursor as its `since`. Look back a little behind the cursor, for what was committed late there;
        now and then `since` is an earlier cursor than the last one, for what was committed later still. The effects that we had
        done ourselves may be told as well: they are known, and heeded once.
        """
        ...


class GroupingAdapter(ErpAdapter, Protocol):
    """An adapter that makes many effects durable at once. Offered when `capabilities.group_size` is above 1."""

    async def find_many(self, keys: Sequence[str]) -> Mapping[str, Record | Exception]:
        """`find` for many keys; a key that is in no record is left out."""
        ...

    def apply(self, effects: Sequence[Effect]) -> AsyncGenerator[tuple[str, Record | Exception], None]:
        """Do a group, yielding each key's record or verdict once it is durable. A key that is never yielded is a doubt."""
        ...


class RehearsingAdapter(ErpAdapter, Protocol):
    """An adapter that would write something even when it is only entered, checked or asked."""

    def rehearse(self) -> None:
        """Called before anything else in a dry run, in which no effect is asked for: from now on nothing is written."""
        ...
