"""How the ERP is called: each call with a deadline, one by one or in groups, and never with a transaction open."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import cast

from daemon.domain.ledger import Kind
from daemon.errors import ErpUnavailable
from daemon.ports import Effect, GroupingAdapter, Record
from daemon.sync.way import Way

#: An effect's end: the record, a verdict, or another exception, which is a doubt.
Result = Record | Exception
#: Keys of effects with their ends.
Results = AsyncGenerator[tuple[str, Result], None]

#: Results that come within this time of each other, in seconds, are handed on together.
_TOGETHER_S = 0.05


class Late(Exception):
    """The lease ran out before the effect began: it was not sent."""


def is_away(answers: Mapping[str, Result], asked: int) -> bool:
    """Whether the ERP was away for all that was asked: away for one record only, it is not away."""
    return asked > 0 and sum(isinstance(answer, ErpUnavailable) for answer in answers.values()) >= asked


async def find_many(way: Way, keys: Sequence[str]) -> Mapping[str, Result]:
    """What effects with these keys left behind; keys that left nothing are left out, those not asked bear an error."""
    if not keys:
        return {}
    if way.erp.capabilities.group_size > 1:
        return await _find_group(way, keys)
    found = await _side_by_side(way, {key: lambda key=key: way.erp.find(key) for key in keys})  # type: ignore[misc]
    return {key: result for key, result in found.items() if result is not None}


async def _find_group(way: Way, keys: Sequence[str]) -> Mapping[str, Result]:
    adapter = cast("GroupingAdapter", way.erp)
    try:
        async with asyncio.timeout(way.rules.call_timeout.total_seconds()):
            answers = await adapter.find_many(keys)
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises is an answer
        return dict.fromkeys(keys, error)
    # Not an answer to another question, nor a None for what was not found.
    return {key: answer for key in keys if (answer := answers.get(key)) is not None}


async def _side_by_side(
    way: Way, questions: Mapping[str, Callable[[], Awaitable[Record | None]]]
) -> dict[str, Record | Exception | None]:
    lanes = asyncio.Semaphore(_lanes(way))

    async def ask(question: Callable[[], Awaitable[Record | None]]) -> Record | Exception | None:
        async with lanes:
            try:
                async with asyncio.timeout(way.rules.call_timeout.total_seconds()):
                    return await question()
            except Exception as error:  # noqa: BLE001 - whatever an adapter raises is an answer
                return error

    answers = await asyncio.gather(*(ask(question) for question in questions.values()))
    return dict(zip(questions, answers, strict=True))


async def apply(way: Way, effects: Sequence[Effect], begin: Callable[[], None]) -> Results:
    """Do the effects, yielding each key's end as it comes. `begin` is called right before each: `Late` past the lease."""
    is_group = way.erp.capabilities.group_size > 1 and len(effects) > 1
    async with aclosing(_apply_group(way, effects, begin) if is_group else _apply_each(way, effects, begin)) as results:
        async for result in results:
            yield result


async def _apply_each(way: Way, effects: Sequence[Effect], begin: Callable[[], None]) -> Results:
    lanes = asyncio.Semaphore(_lanes(way))

    async def one(effect: Effect) -> tuple[str, Result]:
        async with lanes:
            return effect.key, await _call(way, effect, begin)

    tasks = [asyncio.create_task(one(effect)) for effect in effects]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for unfinished in tasks:
            unfinished.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _apply_group(way: Way, effects: Sequence[Effect], begin: Callable[[], None]) -> Results:
    """One call for all of them, under one deadline; what it never answered is a doubt."""
    adapter, left = cast("GroupingAdapter", way.erp), {effect.key for effect in effects}
    deadline = asyncio.get_running_loop().time() + way.rules.call_timeout.total_seconds()
    try:
        begin()
        async with aclosing(adapter.apply(effects)) as results:
            # The deadline must strike inside the adapter, never in whoever consumes what we yield.
            async for result in _flowing(results, deadline):
                if result[0] in left:  # not an answer for another group, nor a second one
                    left.discard(result[0])
                    yield result
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises is an answer
        for key in left:
            yield key, error
    else:
        for key in left:
            yield key, TimeoutError("the adapter never answered for this effect")


async def _flowing(results: Results, deadline: float) -> Results:
    """The results as they come; those that come at once go together, since a deadline costs more than to hand on a result."""
    is_over = False
    while not is_over:
        come, trouble = list[tuple[str, Result]](), None
        try:
            async with asyncio.timeout_at(deadline):
                is_over = await _gather(results, come)
        except Exception as error:  # noqa: BLE001 - told once what came before it is handed on
            trouble = error
        for result in come:
            yield result
        if trouble is not None:
            raise trouble


async def _gather(results: Results, come: list[tuple[str, Result]]) -> bool:
    """Whether that was all."""
    clock = asyncio.get_running_loop().time
    until = clock() + _TOGETHER_S
    async for result in results:
        come.append(result)
        if clock() >= until:
            return False
    return True


async def _call(way: Way, effect: Effect, begin: Callable[[], None]) -> Result:
    try:
        begin()
        async with asyncio.timeout(way.rules.call_timeout.total_seconds()):
            return await _do(way, effect)
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises is an answer
        return error


async def _do(way: Way, effect: Effect) -> Record:
    if effect.kind is Kind.CREATE:
        return await way.erp.create(effect.order, effect.key)
    assert effect.record is not None  # noqa: S101 - a change without a record is never intended
    if effect.kind is Kind.CANCEL:
        return await way.erp.cancel(effect.record, effect.order, effect.key)
    assert effect.change is not None  # noqa: S101 - see above
    return await way.erp.update(effect.record, effect.change, effect.key)


def _lanes(way: Way) -> int:
    return max(1, min(way.rules.concurrency, way.erp.capabilities.concurrency))
