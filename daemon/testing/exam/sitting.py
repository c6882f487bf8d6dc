"""How a question is asked: what it needs, what waives it, and one sitting with an adapter that was entered for it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Any

import pytest

from daemon.domain.keys import create_key, random_key
from daemon.domain.order import Order
from daemon.ports import Capabilities, ErpAdapter, Record
from daemon.testing.exam.stage import OPTIONAL, Held, Stage

#: What a question may ask of the capabilities, and why it is waived without.
GIVEN: dict[str, tuple[str, Callable[[Capabilities], bool]]] = {
    "find": ("find is 'nothing'", lambda can: can.find != "nothing"),
    "every": ("find is not 'every'", lambda can: can.find == "every"),
    "read": ("read is False", lambda can: can.read),
    "refuses_second_key": ("refuses_second_key is False", lambda can: can.refuses_second_key),
    "reports": ("reports is False", lambda can: can.reports),
    "numbers_later": ("numbers_later is False", lambda can: can.numbers_later),
    "groups": ("group_size is 1", lambda can: can.group_size > 1),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One question: its promise, the hands that it needs, and the capabilities without which it is waived."""

    name: str
    promise: str
    hands: tuple[str, ...]
    given: tuple[str, ...]


#: Every question, by the name of its test.
QUESTIONS: dict[str, Question] = {}


class Sitting:
    """An adapter that has been entered, on its stage."""

    workspace = "123"

    def __init__(self, stage: Stage, erp: ErpAdapter) -> None:
        self.stage = stage
        self.erp = erp

    def order(self, **fields: Any) -> Order:
        """An order that the ERP can take over, with an id of its own."""
        return replace(self.stage.order(str(10**11 + secrets.randbelow(9 * 10**11))), **fields)

    def key(self, order: Order, incarnation: int = 1) -> str:
        """The key of its create."""
        return create_key(self.workspace, order.id, incarnation)

    async def made(self, order: Order | None = None, **fields: Any) -> tuple[Order, Record]:
        """An order and its record."""
        order = order or self.order(**fields)
        return order, await self.erp.create(order, self.key(order))

    async def cancelled(self, order: Order, record: Record) -> Record:
        """The record, cancelled by the adapter."""
        return await self.erp.cancel(record.id, order, random_key("x"))

    async def hand(self, name: str, *args: Any) -> Any:
        """One of the stage's hands does its work."""
        done = getattr(self.stage, name)(*args)
        return await done if isawaitable(done) else done

    @asynccontextmanager
    async def during(self, name: str, *args: Any) -> AsyncIterator[None]:
        """While one of the stage's accidents lasts."""
        accident = getattr(self.stage, name)(*args)
        if isinstance(accident, AbstractAsyncContextManager):
            async with accident:
                yield
        else:
            with accident:
                yield

    async def held(self, record: Record) -> Held:
        """What the ERP holds of a record that must be there."""
        held = await self.hand("held", record.id)
        assert held is not None, f"the ERP has no record {record.id}"
        assert isinstance(held, Held)
        return held

    async def everything(self) -> object:
        """The ERP's whole state."""
        return await self.hand("everything")

    async def is_live(self, record: Record) -> bool:
        """Whether the ERP has the record, and it counts."""
        held = await self.hand("held", record.id)
        return held is not None and held.live


Ask = Callable[[Any, Sitting], Awaitable[None]]


def question(*hands: str, given: tuple[str, ...] = ()) -> Callable[[Ask], Callable[[Any, Stage], None]]:
    """Makes a test of a question, which pytest can ask without any plugin. Its name, less `test_`, is the question's."""

    def made_test(ask: Ask) -> Callable[[Any, Stage], None]:
        name = ask.__name__
        asked = QUESTIONS[name] = Question(name, (ask.__doc__ or "").strip(), hands, given)

        def test(self: Any, stage: Stage) -> None:
            asyncio.run(_sit(self, ask, asked, stage))

        test.__name__, test.__qualname__, test.__doc__, test.__module__ = name, ask.__qualname__, ask.__doc__, ask.__module__
        return test

    return made_test


async def _sit(exam: Any, ask: Ask, asked: Question, stage: Stage) -> None:
    adapter = stage.adapter(Sitting.workspace)
    _require_hands(asked, stage)
    for name in asked.given:
        why, is_given = GIVEN[name]
        if not is_given(adapter.capabilities):
            waived(f"by a capability: {why}")
    async with asyncio.timeout(stage.patience_s), adapter as erp:
        await ask(exam, Sitting(stage, erp))


def _require_hands(asked: Question, stage: Stage) -> None:
    for hand in asked.hands:
        if hand in stage.waives:
            waived(f"by the stage, {hand}: {stage.waives[hand]}")
        if hand not in OPTIONAL and getattr(type(stage), hand) is getattr(Stage, hand):
            pytest.fail(f"the stage has no hand `{hand}`: write it, or say in `waives` why this ERP has nothing of the kind")


def waived(why: str) -> None:
    """Ends a question that does not apply, and shows why."""
    pytest.skip(f"waived {why}")
