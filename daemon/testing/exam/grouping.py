"""Many effects at once, where `group_size` offers that."""

from collections.abc import Sequence
from typing import cast

import pytest

from daemon.domain.ledger import Kind
from daemon.errors import Ambiguous, ErpUnavailable, OrderRejected
from daemon.ports import Effect, GroupingAdapter, Record
from daemon.testing.exam.refusing import effects_of
from daemon.testing.exam.sitting import Sitting, question

Answers = list[tuple[str, Record | Exception]]


def group_of(sitting: Sitting) -> GroupingAdapter:
    """The adapter, which has said that it can."""
    return cast("GroupingAdapter", sitting.erp)


async def applied(sitting: Sitting, effects: Sequence[Effect]) -> Answers:
    """Every answer, in the order in which it came."""
    return [answer async for answer in group_of(sitting).apply(effects)]


def creates(sitting: Sitting, count: int) -> list[Effect]:
    """Creates of so many orders."""
    orders = [sitting.order() for _ in range(count)]
    return [Effect(kind=Kind.CREATE, key=sitting.key(order), order=order) for order in orders]


def answered(answers: Answers, key: str) -> Record | Exception:
    """The one answer to a key."""
    (answer,) = [answer for told, answer in answers if told == key]
    return answer


class Grouping:
    """Each key has one answer."""

    @question(given=("groups",))
    async def test_a_group_answers_each_key_once(self, sitting: Sitting) -> None:
        """A create, an update and a cancel in one group are each answered once, and each is done."""
        order, changed = await sitting.made()
        other, ended = await sitting.made()
        create, update, _ = effects_of(sitting, order, changed)
        _, _, cancel = effects_of(sitting, other, ended)
        before = await sitting.held(changed)
        answers = await applied(sitting, [create, update, cancel])
        assert sorted(key for key, _ in answers) == sorted(effect.key for effect in (create, update, cancel))
        made = answered(answers, create.key)
        assert isinstance(made, Record)
        assert await sitting.is_live(made)
        assert await sitting.held(changed) != before
        assert not await sitting.is_live(ended)

    @question("unknown", given=("groups",))
    async def test_a_rejected_order_among_good_ones(self, sitting: Sitting) -> None:
        """One order that cannot be taken over is answered with its verdict, and its neighbours are done."""
        first, second = creates(sitting, 2)
        order, missing = sitting.stage.unknown(sitting.order())
        bad = Effect(kind=Kind.CREATE, key=sitting.key(order), order=order)
        answers = await applied(sitting, [first, bad, second])
        assert sorted(key for key, _ in answers) == sorted(effect.key for effect in (first, bad, second))
        verdict = answered(answers, bad.key)
        assert isinstance(verdict, OrderRejected)
        assert sorted(verdict.missing) == sorted(missing)
        for effect in (first, second):
            made = answered(answers, effect.key)
            assert isinstance(made, Record)
            assert await sitting.is_live(made)

    @question(given=("groups", "find"))
    async def test_many_keys_are_asked_at_once(self, sitting: Sitting) -> None:
        """Each key that is in a record leads to it; one that is in none is left out."""
        (order, record), (other, second) = await sitting.made(), await sitting.made()
        keys = [sitting.key(order), sitting.key(other), sitting.key(sitting.order())]
        found = await group_of(sitting).find_many(keys)
        told = {key: answer.id for key, answer in found.items() if isinstance(answer, Record)}
        assert told == {keys[0]: record.id, keys[1]: second.id}
        assert len(found) == len(told)

    @question("double", given=("groups", "find"))
    async def test_an_ambiguous_key_among_others(self, sitting: Sitting) -> None:
        """A key that two records bear is answered with Ambiguous, the others with their records."""
        (order, _), (other, second) = await sitting.made(), await sitting.made()
        await sitting.hand("double", order, sitting.key(order))
        found = await group_of(sitting).find_many([sitting.key(order), sitting.key(other)])
        assert isinstance(found[sitting.key(order)], Ambiguous)
        answer = found[sitting.key(other)]
        assert isinstance(answer, Record)
        assert answer.id == second.id

    @question("away", given=("groups",))
    async def test_a_group_for_an_erp_that_is_away(self, sitting: Sitting) -> None:
        """Where nothing can be reached, each key is answered with ErpUnavailable, or the whole group is; nothing arrives."""
        effects, before = creates(sitting, 2), await sitting.everything()
        answers: Answers = []
        async with sitting.during("away"):
            try:
                answers = await applied(sitting, effects)
            except ErpUnavailable as away:
                answers = [(effect.key, away) for effect in effects]
        assert sorted(key for key, _ in answers) == sorted(effect.key for effect in effects)
        assert all(isinstance(answer, ErpUnavailable) for _, answer in answers)
        assert await sitting.everything() == before

    @question("away", given=("groups", "find"))
    async def test_many_keys_of_an_erp_that_is_away(self, sitting: Sitting) -> None:
        """An ERP that cannot be asked never says that there is no record."""
        order, _ = await sitting.made()
        async with sitting.during("away"):
            with pytest.raises(ErpUnavailable):
                raise_answers(await group_of(sitting).find_many([sitting.key(order)]))


def raise_answers(found: object) -> None:
    """A whole call that failed, or one answer that says so, is the same."""
    for answer in dict(found).values():  # type: ignore[call-overload]
        if isinstance(answer, Exception):
            raise answer
