"""Schedules in which two rare things meet, and odd answers that must stop nothing else; one named test each."""

import pytest

from daemon.domain.state import Situation
from daemon.errors import OrderRejected
from tests.support.world import world


@pytest.mark.parametrize("key", ["product:\x00", "product:\ud800", "product:" + "7" * 5000], ids=["nul", "surrogate", "long"])
async def test_a20_a_missing_key_that_no_database_keeps(database_url: str, key: str) -> None:
    """It is a gap like any other, told once: every cycle comes to its end."""
    async with world(database_url) as w:
        odd = w.market.place()

        def refuse(call: str) -> None:
            if call.startswith("before create") and odd in call:
                raise OrderRejected("unknown", missing=[key])

        w.use_hooks(erp=refuse)
        await w.live_on(3)

        assert (await w.state(odd)).situation is Situation.PARKED
        assert len(w.events("gap.found")) == 1
        async with w.way.store.transaction() as tx:
            assert await tx.waiting_for(key) == [odd]
