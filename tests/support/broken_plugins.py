"""ERP plugins that fail, each in its way, as anybody's may; found by their entry points."""

import asyncio

from daemon.testing import FakeErp
from tests.support.slow_erp import SlowErp


class _Plain(SlowErp):
    """Its settings may hold a password, which nobody must see."""


class CannotBeMade(_Plain):
    def __init__(self, settings, *, workspace):
        raise RuntimeError("no driver")


class CannotBeEntered(_Plain):
    async def __aenter__(self):
        raise OSError("no such device")


class NeverAnswers(_Plain):
    async def check(self):
        await asyncio.Event().wait()


class OfTomorrow(FakeErp):
    contract = 2


PLUGINS = {
    "cannot-be-imported": "tests.support.there_is_no_such_module:Erp",
    "of-tomorrow": f"{__name__}:OfTomorrow",
    "cannot-be-made": f"{__name__}:CannotBeMade",
    "cannot-be-entered": f"{__name__}:CannotBeEntered",
    "never-answers": f"{__name__}:NeverAnswers",
}
