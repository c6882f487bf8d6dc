"""The door to an ERP that may be away when the daemon starts."""

import asyncio

import pytest

from daemon.erp.door import AwayErp, ErpDoor
from daemon.errors import AdapterError, ErpUnavailable
from daemon.ports import Capabilities
from tests.support.waiting import wait_until


class Adapter:
    """Enters, checks and leaves as it is told; counts."""

    identity = "erp"
    capabilities = Capabilities(find="every", group_size=50)

    def __init__(self, *troubles: BaseException | None) -> None:
        self.troubles = list(troubles)
        self.entered = self.left = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __aenter__(self):
        self.entered += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.left += 1

    async def check(self) -> None:
        await self.gate.wait()
        if self.troubles and (trouble := self.troubles.pop(0)):
            raise trouble


async def test_an_open_door_is_left_alone():
    """The ERP is entered and checked once, and left once."""
    adapter = Adapter()
    door = ErpDoor(adapter, timeout_s=5)

    await door.open()
    await door.open()
    await door.close()
    await door.close()

    assert (adapter.entered, adapter.left) == (1, 1)


@pytest.mark.parametrize("trouble", [AdapterError("no such company"), ErpUnavailable("refused"), OSError("boom")])
async def test_a_door_that_did_not_open_is_tried_again(trouble):
    """Whatever the adapter raised becomes a verdict, nothing stays half open, and the next try is a fresh one."""
    adapter = Adapter(trouble)
    door = ErpDoor(adapter, timeout_s=5)

    with pytest.raises((AdapterError, ErpUnavailable), match=str(trouble)):
        await door.open()
    left = adapter.left
    await door.open()
    await door.close()

    assert (adapter.entered, left, adapter.left) == (2, 1, 2)


async def test_an_erp_that_hangs_is_waited_for_in_the_background():
    """A short patience holds up no cycle; once the ERP answers, the door is open."""
    adapter = Adapter()
    adapter.gate.clear()
    door = ErpDoor(adapter, timeout_s=60)

    for _ in range(2):
        with pytest.raises(ErpUnavailable, match="has not answered yet"):
            await door.open(patience_s=0)
    adapter.gate.set()
    await door.open()
    await door.close()

    assert (adapter.entered, adapter.left) == (1, 1)


async def test_an_erp_that_hangs_too_long_is_given_up():
    """One call's time is the limit."""
    adapter = Adapter()
    adapter.gate.clear()
    door = ErpDoor(adapter, timeout_s=0.01)

    with pytest.raises(ErpUnavailable, match=r"did not answer within 0\.01 s"):
        await door.open()

    assert adapter.left == 1


async def test_closing_ends_an_opening_that_still_hangs():
    """A daemon that ends leaves nothing behind."""
    adapter = Adapter()
    adapter.gate.clear()
    door = ErpDoor(adapter, timeout_s=60)
    with pytest.raises(ErpUnavailable):
        await door.open(patience_s=0)
    await wait_until(lambda: adapter.entered == 1)

    await door.close()

    assert adapter.left == 1


async def test_closing_leaves_what_opened_unnoticed():
    """An opening that ended between two cycles is closed, too."""
    adapter = Adapter()
    adapter.gate.clear()
    door = ErpDoor(adapter, timeout_s=60)
    with pytest.raises(ErpUnavailable):
        await door.open(patience_s=0)
    adapter.gate.set()
    await wait_until(lambda: door._is_open)

    await door.close()

    assert (adapter.entered, adapter.left) == (1, 1)


@pytest.mark.parametrize("call", ["check", "find", "read", "create", "update", "cancel", "preview"])
async def test_the_stand_in_sends_nothing(call):
    """Each call says that nothing was sent, and why; questions are asked as of the true ERP, one by one."""
    away = AwayErp(Adapter(), "connection refused")

    with pytest.raises(ErpUnavailable, match="connection refused"):
        await getattr(away, call)("key", order="order")
    assert away.capabilities == Capabilities(find="every", group_size=1)
    assert away.identity == "erp"
