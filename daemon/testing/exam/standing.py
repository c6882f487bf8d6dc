"""What an adapter says of itself, and `check`."""

import pytest

from daemon.errors import AdapterError, ErpUnavailable
from daemon.ports import Capabilities
from daemon.testing.exam.sitting import Sitting, question


class Standing:
    """What can be seen before any order comes."""

    @question()
    async def test_it_fits_this_daemon(self, sitting: Sitting) -> None:
        """It speaks contract version 1, brings settings and capabilities that agree with its methods."""
        erp = sitting.erp
        assert type(erp).contract == 1
        assert hasattr(type(erp).Settings, "__name__"), "Settings is the model of the adapter's own config table"
        assert isinstance(erp.capabilities, Capabilities)
        assert erp.capabilities.concurrency >= 1
        assert erp.capabilities.group_size >= 1
        if erp.capabilities.group_size > 1:
            assert hasattr(erp, "apply"), "group_size promises `apply` and `find_many`"
            assert hasattr(erp, "find_many"), "group_size promises `apply` and `find_many`"

    @question()
    async def test_its_identity_stays(self, sitting: Sitting) -> None:
        """Which ERP it is, is known before it is entered, is the same each time, and holds no secret."""
        identity = sitting.stage.adapter().identity
        assert identity
        assert identity.isprintable()
        assert identity == sitting.erp.identity
        assert [secret for secret in sitting.stage.secrets if secret in identity] == []

    @question()
    async def test_check_is_content(self, sitting: Sitting) -> None:
        """An ERP that answers and is set up passes `check`, again and again, and nothing is left behind."""
        await sitting.erp.check()
        before = await sitting.everything()
        await sitting.erp.check()
        assert await sitting.everything() == before

    @question("away")
    async def test_check_tells_that_the_erp_is_away(self, sitting: Sitting) -> None:
        """An ERP that cannot be reached ends `check` with ErpUnavailable or AdapterError, and with a remedy."""
        async with sitting.during("away"):
            with pytest.raises((AdapterError, ErpUnavailable)) as told:
                await sitting.erp.check()
        assert told.value.remedy
        assert [secret for secret in sitting.stage.secrets if secret in f"{told.value} {told.value.remedy}"] == []
        await sitting.erp.check()

    @question()
    async def test_it_can_be_entered_again(self, sitting: Sitting) -> None:
        """An adapter that was left can be entered once more: the daemon does so when `check` had failed."""
        adapter = sitting.stage.adapter()
        async with adapter:
            await adapter.check()
        async with adapter:
            await adapter.check()
