"""How a broken ERP is listed with the questions that must notice it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from daemon.errors import ErpUnavailable
from daemon.testing import FakeErp, FakeErpSettings

RICH = FakeErpSettings(find="every", group_size=50, books=True, reports=True, closes_when_confirmed=True)
OPEN = replace(RICH, closes_when_confirmed=False)
UNIQUE = replace(RICH, refuses_second_key=True)
NUMBERED = replace(RICH, numbers_later=True)


@dataclass(frozen=True)
class Fault:
    """One broken ERP, by its kind, and what must fail."""

    name: str
    kind: type[FakeErp]
    noticed_by: frozenset[str]
    settings: FakeErpSettings


FAULTS: list[Fault] = []


def fault(*noticed_by: str, settings: FakeErpSettings = RICH) -> Callable[[type[FakeErp]], type[FakeErp]]:
    def listed(kind: type[FakeErp]) -> type[FakeErp]:
        FAULTS.append(Fault(kind.__name__, kind, frozenset(f"test_{name}" for name in noticed_by), settings))
        return kind

    return listed


def away_from(erp):
    try:
        erp.on_call("before anything")
    except ErpUnavailable:
        return True
    return False
