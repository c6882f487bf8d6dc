"""An ERP whose adapter is plain synchronous code, behind the blocking wrapper."""

import threading
from typing import Any, ClassVar

from daemon.erp.blocking import BlockingAdapter, blocking
from daemon.testing import FakeErp, FakeErpSettings
from tests.support.fake_stage import FakeStage


def _now(coroutine):
    """What a coroutine returns that awaits nothing real."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the imitated ERP waited for something")


class PlainFake:
    """The imitated ERP without `async`. `meanwhile` is called in the thread before each call reaches it, and may block."""

    Settings: ClassVar[Any] = FakeErpSettings
    shared: FakeErp
    lock: threading.Lock

    def __init__(self, settings, *, workspace):
        self._fake = self.shared.beside(workspace)
        self.capabilities = self._fake.capabilities

    @property
    def identity(self):
        return self._fake.identity

    def open(self):
        pass

    def close(self):
        pass

    @staticmethod
    def meanwhile(what):
        pass

    def _do(self, name, *args):
        type(self).meanwhile(name)
        with self.lock:
            return _now(getattr(self._fake, name)(*args))

    def check(self):
        self._do("check")

    def find(self, key):
        return self._do("find", key)

    def read(self, record):
        return self._do("read", record)

    def create(self, order, key):
        return self._do("create", order, key)

    def update(self, record, change, key):
        return self._do("update", record, change, key)

    def cancel(self, record, order, key):
        return self._do("cancel", record, order, key)

    def preview(self, effect):
        return self._do("preview", effect)

    def reports(self, since):
        return self._do("reports", since)


def plain(erp: FakeErp) -> type[BlockingAdapter]:
    """The adapter class of a plain adapter for this ERP."""
    erp_class = type("Plain", (PlainFake,), {"shared": erp, "lock": threading.Lock(), "capabilities": erp.capabilities})
    return blocking(erp_class)


class PlainStage(FakeStage):
    def __init__(self, settings=None):
        super().__init__(settings)
        self._kind = plain(self.erp)

    def adapter(self, workspace="123"):
        return self._kind(self.erp.settings, workspace=workspace)
