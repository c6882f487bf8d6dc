"""The way back, with the real daemon, the `files` adapter, and an ERP that answers, numbers, prepares and cancels by itself."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.sandbox.audit import audit
from daemon.sandbox.folder_erp import Answers, FolderErp
from daemon.sandbox.remote import Remote
from tests.support.process import Daemon, running, write_config
from tests.support.waiting import wait_until_sync

SPELT = {"booked": "Confirmed", "packed": "Ready"}
MORE = """
[news]
statuses = { booked = "Confirmed", packed = "Ready" }
cancel_on_consentio = true
prepare_on_consentio = true
"""


@contextmanager
def shop(folder: Path) -> Iterator[tuple[Remote, FolderErp]]:
    """A market in a process of its own, and an ERP over the folder of a daemon that is yet to start."""
    with Remote.started() as market:
        config = write_config(folder, market.url, more=MORE)
        config.write_text(config.read_text().replace('folder = "erp"', 'folder = "erp"\nreference = "number"'))
        replies = folder / "erp" / "replies"
        for place in (replies, folder / "erp" / "inbox"):
            place.mkdir(parents=True)
        yield market, FolderErp(folder / "erp" / "inbox", pause=0.05, answers=Answers(replies))


def command(folder: Path, *args: str) -> tuple[int, str]:
    """Runs one to its end: its exit code, and what it printed."""
    with running(folder, *args) as process:
        return process.end(), "".join(process.lines)


def shown(market: Remote, order: int) -> dict[str, object]:
    """The order as the market has it."""
    return next(each for each in market.state()["orders"] if each["id"] == order)


def wait_for(market: Remote, order: int, daemon: Daemon, **fields: object) -> None:
    """Until the market shows these fields of the order."""

    def holds() -> bool:
        held = shown(market, order)
        return all(held[name] == value for name, value in fields.items())

    wait_until_sync(holds, timeout=60, what=f"{fields} of order {order}: {daemon.text[-4000:]}")


def accepted(market: Remote) -> int:
    """A new order."""
    order = market.place()
    market.do(order, "accept")
    return order


@pytest.mark.timeout(180)
async def test_what_happens_in_the_erp_reaches_consentio(tmp_path: Path) -> None:
    """Numbers and statuses are told as they are spelt, prepared and cancelled followed once, and both sides agree in the end."""
    await asyncio.to_thread(_a_day, tmp_path)


def _a_day(folder: Path) -> None:
    with shop(folder) as (market, erp), erp, running(folder) as daemon:
        packed, sold_out, by_hand, late = (accepted(market) for _ in range(4))
        for order in (packed, sold_out, by_hand, late):
            wait_for(market, order, daemon, external_status="Confirmed")
            assert str(shown(market, order)["external_id"]).startswith("SO-")

        erp.clerk_prepares(f"c123-{packed}")
        erp.clerk_cancels(f"c123-{sold_out}")
        wait_for(market, packed, daemon, prepared=True, external_status="Ready")
        wait_for(market, sold_out, daemon, status="canceled")
        assert command(folder, "cancel", str(by_hand), "--reason", "no truck")[0] == 0
        assert command(folder, "prepare", str(late), "--reason", "packed by hand")[0] == 0
        wait_for(market, by_hand, daemon, status="canceled")
        wait_for(market, late, daemon, prepared=True)
        _assert_rests(folder, market, erp)

        assert command(folder, "cancel", str(by_hand), "--reason", "again") == (8, REFUSED.format(order=by_hand))
        _assert_told(folder, packed, sold_out, by_hand)


REFUSED = "{order}: refused: Consentio lists it as canceled already\n"


def _assert_rests(folder: Path, market: Remote, erp: FolderErp) -> None:
    def findings() -> list[object]:
        with erp.lock:
            return list(audit(market.state(), erp.book, SPELT))

    wait_until_sync(lambda: not findings() and not erp.waiting, timeout=60, what=f"both sides to agree: {findings()}")
    told = [told for told in market.state()["told"] if told["call"] == "prepare"]
    assert len(told) == 2
    assert [posting.kind for posting in erp.book.postings].count("cancel") == 1  # the one by hand; the other was cancelled there


def _assert_told(folder: Path, packed: int, sold_out: int, by_hand: int) -> None:
    """Everything that happened stands in the orders' stories."""
    for order, words in (
        (packed, ("the goods are ready", "Consentio was asked to mark it as prepared (", "with number SO-")),
        (sold_out, ("it was cancelled there, sold out", "Consentio was asked to cancel it (")),
        (by_hand, ("cancel wished by", "no truck", "Consentio was asked to cancel it (")),
    ):
        code, story = command(folder, "explain", str(order))
        assert code == 0
        for said in words:
            assert said in story, story
