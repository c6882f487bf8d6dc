"""The port over plain synchronous code: each call in a thread of the adapter's own.

A thread cannot be stopped. One that outlives its deadline is a doubt for the core, like any answer that is lost; its lane stays
taken until it ends, and nothing is asked or done about its order meanwhile, so that whatever it does, late as it is, is seen by
the next question. With every lane taken so, the ERP is away, and says so. Give your client a timeout below
`delivery.call_timeout` all the same: then threads end by themselves, and nothing falls into this net.
"""

import contextvars
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Protocol, Self, TypeVar

from daemon.domain.content import Change
from daemon.domain.order import Order
from daemon.erp.lanes import Lanes
from daemon.ports import Capabilities, Effect, Record, Reports

_T = TypeVar("_T")
#: How long closing waits for calls that are under way, in seconds.
_GRACE_S = 5.0


class PlainErp(Protocol):
    """`daemon.ports.ErpAdapter` without a single `async`: the same methods, promises and verdicts. No groups.

    As many threads as `capabilities.concurrency` says call it at once, and always the same ones: what must not be shared between
    threads (a connection, a session) may be kept in a `threading.local`. `open` and `close` are called by any of them.
    """

    Settings: ClassVar[Any]
    capabilities: Capabilities

    def __init__(self, settings: Any, *, workspace: str) -> None: ...

    @property
    def identity(self) -> str:
        """Asked outside of any thread, before `open`: it may not block."""
        ...

    def open(self) -> None:
        """Before anything else; again after a `close`. An ERP that is away is no reason to fail."""
        ...

    def close(self) -> None:
        """After everything else. May interrupt what is still under way."""
        ...

    def check(self) -> None: ...

    def find(self, key: str) -> Record | None: ...

    def read(self, record: str) -> Record | None: ...

    def create(self, order: Order, key: str) -> Record: ...

    def update(self, record: str, change: Change, key: str) -> Record: ...

    def cancel(self, record: str, order: Order, key: str) -> Record: ...

    def preview(self, effect: Effect) -> str: ...

    def reports(self, since: str | None) -> Reports: ...


class BlockingAdapter:
    """A plain ERP behind the port. Made by `blocking`."""

    contract: ClassVar[int] = 1
    Settings: ClassVar[Any]
    plain: ClassVar[type[PlainErp]]
    capabilities: Capabilities

    def __init__(self, settings: Any, *, workspace: str) -> None:
        #: The plain one; not to be called but by its threads.
        self.erp = self.plain(settings, workspace=workspace)
        self.capabilities = self.erp.capabilities
        if self.capabilities.group_size > 1:
            raise ValueError(f"{self.plain.__name__}: a blocking adapter takes no groups; leave group_size at 1")
        self._lanes = Lanes(self.capabilities.concurrency, name=self.identity)

    @property
    def identity(self) -> str:
        return self.erp.identity

    async def __aenter__(self) -> Self:
        self._lanes.open()
        await self._call(self.erp.open)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Waits a little for calls under way. A thread that does not end is left behind, and does not keep the process alive."""
        await self._lanes.close(self.erp.close, grace_s=_GRACE_S)

    async def check(self) -> None:
        await self._call(self.erp.check)

    async def find(self, key: str) -> Record | None:
        return await self._call(self.erp.find, key, about={key})

    async def read(self, record: str) -> Record | None:
        return await self._call(self.erp.read, record, about={_record(record)})

    async def create(self, order: Order, key: str) -> Record:
        return await self._effect(self.erp.create, order, key, about={key, _order(order)})

    async def update(self, record: str, change: Change, key: str) -> Record:
        return await self._effect(self.erp.update, record, change, key, about={key, _record(record), _order(change.after)})

    async def cancel(self, record: str, order: Order, key: str) -> Record:
        return await self._effect(self.erp.cancel, record, order, key, about={key, _record(record), _order(order)})

    async def preview(self, effect: Effect) -> str:
        return await self._call(self.erp.preview, effect)

    async def reports(self, since: str | None) -> Reports:
        return await self._call(self.erp.reports, since)

    def _effect(self, work: Callable[..., _T], *args: Any, about: set[str]) -> Awaitable[_T]:
        return self._lanes.run(_in_context(work, args), what=work.__name__, about=frozenset(about), is_effect=True)

    def _call(self, work: Callable[..., _T], *args: Any, about: set[str] | None = None) -> Awaitable[_T]:
        return self._lanes.run(_in_context(work, args), what=work.__name__, about=frozenset(about or ()), is_effect=False)


def blocking(plain: type[PlainErp]) -> type[BlockingAdapter]:
    """The adapter class for a plain one: what the entry point names.

    class Books:          # a PlainErp
        ...

    BooksAdapter = blocking(Books)
    """
    says = {
        "__doc__": plain.__doc__,
        "__module__": plain.__module__,
        "plain": plain,
        "Settings": plain.Settings,
        "capabilities": plain.capabilities,
    }
    return type(f"{plain.__name__}Adapter", (BlockingAdapter,), says)


def _in_context(work: Callable[..., _T], args: tuple[Any, ...]) -> Callable[[], _T]:
    """So that what a thread logs bears the order that it is about."""
    context = contextvars.copy_context()
    return lambda: context.run(work, *args)


def _order(order: Order) -> str:
    return f"order {order.id}"


def _record(record: str) -> str:
    return f"record {record}"
