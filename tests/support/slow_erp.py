"""An ERP of a distribution of its own, found by its entry point as anybody's is: slow or failing as a test says, by files."""

import os
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, SecretStr

from daemon.domain.content import Change
from daemon.domain.order import Order
from daemon.errors import OrderRejected
from daemon.ports import Capabilities, Effect, Record, Reports
from tests.support.waiting import wait_until, wait_until_sync

ROOT = Path(__file__).parents[2]


class Slow:
    """The test's side of it: `install` once, then steer."""

    def __init__(self, folder: Path, *, name: str = "erp") -> None:
        self._site = folder / "site"
        self._records, self._gate, self._trouble = _places(folder / name)

    def install(self) -> None:
        """Brings the distribution; a config names it as `adapter = "slow"`."""
        described = self._site / "slow_erp-1.0.dist-info"
        described.mkdir(parents=True)
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-erp\nVersion: 1.0\n")
        (described / "entry_points.txt").write_text(f"[daemon.erp]\nslow = {__name__}:SlowErp\n")
        self._records.mkdir(parents=True)

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs to find it."""
        return {"PYTHONPATH": os.pathsep.join(map(str, (self._site, ROOT)))}

    @property
    def records(self) -> list[str]:
        """The keys of all creates that arrived, whether they were answered or not."""
        return sorted(path.name for path in self._records.iterdir())

    def wait_for_record(self) -> None:
        wait_until_sync(lambda: self.records, timeout=30, what="a create to arrive in the ERP")

    def answer(self) -> None:
        """From now on every create is answered; those before wait for it."""
        self._gate.touch()

    def fail(self, where: str) -> None:
        """From now on `check` or `create` breaks, or creates are refused (`reject`), in words that hold the password."""
        self._trouble.write_text(where)

    def block(self) -> None:
        """From now on a create blocks its thread, and with it the whole process, until `recover`."""
        self.fail("block")

    def recover(self) -> None:
        self._trouble.unlink()


class SlowSettings(BaseModel, extra="forbid"):
    folder: Path
    password: SecretStr = SecretStr("")
    #: It can be asked for nothing, so its doubts are a person's.
    mute: bool = False


class SlowErp:
    contract: ClassVar[int] = 1
    Settings: ClassVar[type[SlowSettings]] = SlowSettings
    capabilities = Capabilities(find="creates", concurrency=1)

    def __init__(self, settings: SlowSettings, *, workspace: str) -> None:
        self._records, self._gate, self._trouble = _places(settings.folder)
        self._password = settings.password
        if settings.mute:
            self.capabilities = Capabilities(find="nothing", read=False, concurrency=1)
        self.identity = f"slow/{workspace}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def check(self) -> None:
        self._break("check")

    async def find(self, key: str) -> Record | None:
        return Record(id=key) if (self._records / key).exists() else None

    read = find

    async def create(self, order: Order, key: str) -> Record:
        self._break("create")
        self._break("reject", OrderRejected)
        if self._is_blocking():
            wait_until_sync(lambda: not self._is_blocking(), timeout=100, what="an end of the block")
        (self._records / key).touch(exist_ok=False)
        await wait_until(self._gate.exists, timeout=60, what="the ERP to answer")
        return Record(id=key)

    async def update(self, record: str, change: Change, key: str) -> Record:
        return Record(id=record)

    async def cancel(self, record: str, order: Order, key: str) -> Record:
        return Record(id=record, live=False)

    async def preview(self, effect: Effect) -> str:
        return f"{effect.kind} {effect.order.id}"

    def _is_blocking(self) -> bool:
        return self._trouble.exists() and self._trouble.read_text() == "block"

    def _break(self, where: str, kind: type[Exception] = RuntimeError) -> None:
        if self._trouble.exists() and self._trouble.read_text() == where:
            password = self._password.get_secret_value()
            raise kind(f"POST https://sync:{password}@erp.example failed (password {password})")

    async def reports(self, since: str | None) -> Reports:
        return Reports((), since or "")


def _places(folder: Path) -> tuple[Path, Path, Path]:
    return folder / "records", folder / "answers", folder / "trouble"
