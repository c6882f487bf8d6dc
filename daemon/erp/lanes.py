"""Threads of an adapter's own: a fixed number of lanes, each with one call at a time, and what happens when one does not end."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from daemon.errors import ErpUnavailable

_log = structlog.get_logger()
_T = TypeVar("_T")
#: Calls whose lanes were closed before they ended, by the name of the lanes: a reload makes new ones, and threads live on.
_left_behind: "dict[str, set[Call]]" = {}


@dataclass(eq=False, slots=True)
class Call:
    """One call in a thread, and whom it tells of its end."""

    work: Callable[[], Any]
    what: str
    #: The keys, records and orders that it is about.
    about: frozenset[str]
    #: It changes something: no other call about the same begins before it has ended.
    is_effect: bool
    answer: "asyncio.Future[Any]"
    began: float = field(default_factory=time.monotonic)
    #: Its caller has given up; the thread has not.
    is_overdue: bool = False


class Lanes:
    """So many calls at once, opened and closed any number of times. Lanes of one name know of each other's endless calls."""

    def __init__(self, count: int, *, name: str) -> None:
        self._count, self._name = count, name
        self._under_way: set[Call] = set()
        self._left_behind = _left_behind.setdefault(name, set())
        self._waiting: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._threads = 0
        self._is_open = False

    def open(self) -> None:
        """Calls are taken."""
        self._is_open = True

    async def run(self, work: Callable[[], _T], *, what: str, about: frozenset[str], is_effect: bool) -> _T:
        """What the work returns or raises. Cancelled, the call ends and its thread goes on.

        Waits for a lane, and for the end of every effect about the same. Raises `ErpUnavailable` where every lane is taken by
        a call that its caller gave up: nothing was sent then.
        """
        while in_the_way := self._in_the_way(about):
            await asyncio.wait([call.answer for call in in_the_way], return_when=asyncio.FIRST_COMPLETED)
        call = Call(work, what, about, is_effect, asyncio.get_running_loop().create_future())
        self._begin(call)
        try:
            return await asyncio.shield(call.answer)
        except asyncio.CancelledError:
            self._give_up(call)
            raise

    async def close(self, work: Callable[[], None], *, grace_s: float) -> None:
        """Lets calls end for some seconds, then does a last work, and leaves behind what has not ended by then."""
        if not self._is_open:
            return
        self._is_open = False
        await self._ends_of(self._under_way, grace_s)
        last = Call(work, "close", frozenset(), False, asyncio.get_running_loop().create_future())
        self._under_way.add(last)
        threading.Thread(target=self._do, args=(last,), daemon=True, name=f"{self._name} close").start()
        await self._ends_of({last}, grace_s)
        self._leave()

    # ---- beginning and ending

    def _in_the_way(self, about: frozenset[str]) -> set[Call]:
        """The calls of which one must end before another call about these may begin."""
        if not self._is_open:
            raise RuntimeError("the adapter is not open")
        if sum(call.is_overdue for call in self._under_way) >= self._count:
            raise ErpUnavailable(
                f"all {self._count} threads are busy with calls that are overdue",
                remedy="Look why the ERP does not answer. Give its client a timeout below delivery.call_timeout.",
            )
        loop = asyncio.get_running_loop()
        known = self._under_way | {call for call in self._left_behind if call.answer.get_loop() is loop}
        same = {call for call in known if call.is_effect and call.about & about}
        return same or (set(self._under_way) if len(self._under_way) >= self._count else set())

    def _begin(self, call: Call) -> None:
        self._under_way.add(call)
        if self._threads < self._count:
            self._threads += 1
            threading.Thread(target=self._serve, args=(self._waiting,), daemon=True, name=self._name).start()
        self._waiting.put(call)

    def _give_up(self, call: Call) -> None:
        if call in self._under_way:
            call.is_overdue = True
            _log.warning("call.outlived", erp=self._name, call=call.what, about=_about(call), for_s=_since(call))

    def _ended(self, call: Call, result: Any, problem: BaseException | None) -> None:
        is_late = call.is_overdue or call in self._left_behind
        self._forget(call)
        if is_late:
            outcome = type(problem).__name__ if problem else "done"
            _log.warning("call.landed", erp=self._name, call=call.what, about=_about(call), for_s=_since(call), outcome=outcome)
        if problem is None:
            call.answer.set_result(result)
            return
        call.answer.set_exception(RuntimeError(repr(problem)) if isinstance(problem, StopIteration) else problem)
        call.answer.exception()  # nobody may be left who asks for it

    def _forget(self, call: Call) -> None:
        self._under_way.discard(call)
        self._left_behind.discard(call)

    async def _ends_of(self, calls: set[Call], seconds: float) -> None:
        if calls:
            await asyncio.wait([call.answer for call in calls], timeout=seconds)

    def _leave(self) -> None:
        """Every thread ends as soon as it can; what has not ended is told and remembered."""
        for _ in range(self._threads):
            self._waiting.put(None)
        self._waiting, self._threads = queue.SimpleQueue(), 0
        for call in self._under_way:
            _log.warning("call.abandoned", erp=self._name, call=call.what, about=_about(call), for_s=_since(call))
        self._left_behind |= self._under_way
        self._under_way.clear()

    # ---- in a thread

    def _serve(self, waiting: "queue.SimpleQueue[Call | None]") -> None:
        while (call := waiting.get()) is not None:
            self._do(call)

    def _do(self, call: Call) -> None:
        result, problem = None, None
        try:
            result = call.work()
        except BaseException as raised:  # noqa: BLE001  # whatever it is, its caller is told
            problem = raised
        loop = call.answer.get_loop()
        try:
            loop.call_soon_threadsafe(self._ended, call, result, problem)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._forget(call)


def _since(call: Call) -> float:
    return round(time.monotonic() - call.began, 1)


def _about(call: Call) -> str:
    return ", ".join(sorted(call.about))
