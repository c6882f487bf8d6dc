"""Fakes of the outside world, for tests of this program and of adapters.

FakeErp           an ERP in memory, with its clerks, its limits and its failures (`daemon.testing.erp`)
FakeMarketplace   the marketplace in memory, with its buyers and its oddities (`daemon.testing.marketplace`)
FakeClock         a clock that stands still until it is told to move (`daemon.testing.clock`)
AdapterExam       the exam that every adapter sits (`daemon.testing.exam`, which needs pytest)

Both ends ask their `on_call` hook before and after each call, so a test may fail, delay or watch any of them.
"""

from daemon.testing.clock import FakeClock
from daemon.testing.erp import FakeErp
from daemon.testing.late import StillUnderWay
from daemon.testing.marketplace import FakeMarketplace, Oddities
from daemon.testing.records import FakeErpSettings, FakeRecord

__all__ = ["FakeClock", "FakeErp", "FakeErpSettings", "FakeMarketplace", "FakeRecord", "Oddities", "StillUnderWay"]
