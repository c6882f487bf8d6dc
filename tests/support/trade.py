"""A market that goes on while a daemon is tried, and an ERP that imports what it gets: in the end both must hold the same."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from daemon.sandbox.audit import audit
from daemon.sandbox.book import Finding
from daemon.sandbox.folder_erp import FolderErp
from daemon.sandbox.remote import Remote
from tests.support.waiting import wait_until_sync


class Trade:
    """Orders are placed and accepted, some are edited, some cancelled, from `with Trade(...)` to its end."""

    def __init__(self, market: Remote, folder: Path, *, workspaces: Sequence[int] = (123,), pause_s: float = 0.05) -> None:
        self.erp = FolderErp(folder / "erp" / "inbox")
        self._market = market
        self._workspaces = workspaces
        self._pause_s = pause_s
        self._over = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """As long as the block lasts."""
        trader = threading.Thread(target=self._trade)
        trader.start()
        try:
            yield
        finally:
            self.stop()
            trader.join()

    def stop(self) -> None:
        """Nothing more happens on the market."""
        self._over.set()

    def _trade(self) -> None:
        number = 0
        while not self._over.wait(self._pause_s):
            order = self._market.place(workspace=self._workspaces[number % len(self._workspaces)])
            self._market.do(order, "accept")
            if number % 3 == 0:
                self._market.do(order, "edit")
            if number % 7 == 0:
                self._market.do(order, "cancel")
            number += 1

    def wait_for_orders(self, many: int) -> None:
        """Until the market has so many more."""
        wanted = self.orders + many
        wait_until_sync(lambda: self.orders >= wanted, timeout=60, what=f"{wanted} orders on the market")

    @property
    def orders(self) -> int:
        return len(self._market.state()["orders"])

    def findings(self) -> list[Finding]:
        """What does not agree between the market and the ERP, once all documents are imported."""
        self.erp.import_some()
        return audit(self._market.state(), self.erp.book)

    def wait_for_balance(self, timeout: float = 60) -> None:
        """Until both hold the same; fails with what does not agree."""
        try:
            wait_until_sync(lambda: not self.findings(), timeout=timeout, what="both sides to hold the same")
        except AssertionError:
            raise AssertionError("\n".join(map(str, self.findings())) or "it balanced too late") from None
