"""The stage: an adapter, its ERP, and the hands that the exam needs there. An author writes one for each ERP."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Literal

from daemon.domain.order import Address, Line, Order
from daemon.ports import ErpAdapter

Effect = Literal["create", "update", "cancel"]

#: Hands that suit most ERPs as they are; they may be written anew or waived, too.
OPTIONAL = frozenset({"later"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the ERP itself holds of one record, read past the adapter. Two that hold the same content are equal.

    Leave out whatever says which record it is (ids, numbers, keys) and when it was written.
    """

    live: bool
    #: One comparable thing for each line, always in the same order; a line that was removed is none.
    lines: Sequence[object]
    #: Where the order's note went; None where the ERP keeps none.
    note: str | None = None
    #: All else that follows from the order: dates, addresses, the customer.
    header: object = None


class Stage:
    """Subclass it, and write the hands. Any of them may be `async`.

    Needed are `adapter`, `order`, `held` and `everything`. Of the others, each must be written or waived in `waives`, with the
    reason why this ERP has nothing of the kind: the exam shows both what was sat and what was waived.
    """

    #: For each hand that there is not: why.
    waives: ClassVar[Mapping[str, str]] = {}
    #: Values from the settings that must never be told: passwords, keys.
    secrets: Sequence[str] = ()
    #: How long one question may take, in seconds.
    patience_s: float = 60.0

    # ---- needed

    def adapter(self, workspace: str = "123") -> ErpAdapter:
        """A new adapter, not yet entered; all that one stage makes are connected to one ERP."""
        raise NotImplementedError

    def order(self, order_id: str) -> Order:
        """An accepted order that the ERP can take over: two lines or more, with note, delivery moment and, if used, an address.

        `price` is what it must come to in the ERP, without taxes; None where the ERP computes no totals.
        """
        raise NotImplementedError

    def held(self, record: str) -> Held | None:
        """What the ERP holds; None when the record is gone. The ERP is asked, not the adapter."""
        raise NotImplementedError

    def everything(self) -> object:
        """Something that differs whenever anything was written to the ERP."""
        raise NotImplementedError

    # ---- goods and places

    def other_line(self) -> Line:
        """A line with known goods that `order` does not hold; its id is in no order."""
        raise NotImplementedError

    def other_address(self) -> Address:
        """Another known address of the same customer."""
        raise NotImplementedError

    def unknown(self, order: Order) -> tuple[Order, Sequence[str]]:
        """The same order naming at least two things that the ERP does not know, and the missing keys that must be told."""
        raise NotImplementedError

    def later(self, order: Order) -> Order:
        """The same order, due a day later."""
        assert order.delivery_estimated_at is not None, "the stage's order has a moment of delivery"
        return replace(order, delivery_estimated_at=order.delivery_estimated_at + timedelta(days=1))

    # ---- clerks

    def double(self, order: Order, key: str) -> None:
        """A second record that bears this key."""
        raise NotImplementedError

    def clerk_cancels(self, record: str) -> None:
        """A clerk cancels the record."""
        raise NotImplementedError

    def clerk_deletes(self, record: str) -> None:
        """A clerk deletes the record, live or cancelled."""
        raise NotImplementedError

    def clerk_confirms(self, record: str) -> None:
        """A clerk confirms the record: from now on the capabilities `..._after_confirmation` say what is allowed."""
        raise NotImplementedError

    def clerk_ships(self, record: str) -> None:
        """The goods leave: nothing can be changed any more."""
        raise NotImplementedError

    def clerk_numbers(self, record: str) -> str:
        """The record gets its number, where `numbers_later`; returns it."""
        raise NotImplementedError

    # ---- accidents

    def away(self) -> AbstractContextManager[object] | AbstractAsyncContextManager[object]:
        """Inside of it nothing of the ERP can be reached."""
        raise NotImplementedError

    def lose_answer(self, effect: Effect) -> AbstractContextManager[object] | AbstractAsyncContextManager[object]:
        """Inside of it the ERP does what it is asked, and the answer to this kind of effect never arrives."""
        raise NotImplementedError
