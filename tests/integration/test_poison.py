"""Bad elements over the wire, into the real store and folder: each parks alone or passes as designed; the others flow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from daemon.erp.files import FilesAdapter
from daemon.erp.files.settings import FilesSettings
from daemon.sandbox import Sandbox
from daemon.sandbox.order import Order
from daemon.store.questions import open_reader
from tests.support.sandboxed import sandboxed
from tests.support.world import World

#: It passes: one document in the ERP.
PASSES = "settled"
#: It has no usable id, so it is kept with its raw bytes and told, and no order stands for it.
NAMELESS = "nameless"


@dataclass(frozen=True, slots=True)
class Poison:
    """What replaces fields of a good order (`Raw` goes into the JSON as it is), what becomes of it, and the id it then has."""

    fields: Mapping[str, Any]
    #: PASSES, NAMELESS, or the reason why it parks.
    fate: str
    id: str | None = None


class Raw(str):
    """JSON as it is written."""

    __slots__ = ()


def _item(**fields: Any) -> dict[str, Any]:
    return {"id": 1, "sku": "TOM-RAF", "amount": 1, "unit": "box", "price": 1.2, "price_unit": "kg", "currency": "EUR", **fields}


def _parked(why: str) -> str:
    return f"parked, cannot be read: {why}"


POISONS = {
    # ids
    "no id": Poison({"id": None}, NAMELESS),
    "an empty id": Poison({"id": ""}, NAMELESS),
    "true for an id": Poison({"id": True}, NAMELESS),
    "a list for an id": Poison({"id": [5001]}, NAMELESS),
    "a fraction for an id": Poison({"id": 5001.5}, NAMELESS),
    "an id of a thousand digits": Poison({"id": Raw("9" * 1000)}, NAMELESS),
    "an id with NUL": Poison({"id": "50\x0001"}, NAMELESS),
    "an id with half a character": Poison({"id": Raw(r'"50\ud83d"')}, NAMELESS),
    "an id beyond 63 bits": Poison({"id": 2**63}, PASSES, id=str(2**63)),
    "an id like a path": Poison({"id": "../../../etc/passwd"}, PASSES, id="../../../etc/passwd"),
    "an id like a formula": Poison({"id": "=1+1"}, PASSES, id="=1+1"),
    # statuses, and whole fields of another type
    "an unknown status": Poison({"status": "teleported"}, _parked("unknown status 'teleported'")),
    "no status": Poison({"status": None}, _parked("the order has no status")),
    "a list for a status": Poison({"status": ["accepted"]}, _parked("unknown status '['accepted']'")),
    "a list for an address": Poison({"deliver_to": ["Calle Mayor 1"]}, _parked("deliver_to is no JSON object")),
    "a list for a note": Poison({"more_info": ["by", "noon"]}, _parked("more_info is no text")),
    "a date of no calendar": Poison({"created_at": "2026-13-41"}, _parked("created_at is no RFC 3339 date-time: '2026-13-41'")),
    "a date without an offset": Poison(
        {"created_at": "2026-11-23T06:00:00"}, _parked("created_at has no offset from UTC: '2026-11-23T06:00:00'")
    ),
    "a date beyond the calendar": Poison(
        {"delivery_estimated_at": "9999-12-31T23:59:59-12:00"}, _parked("delivery_estimated_at is a moment beyond the calendar")
    ),
    # numbers
    "a number as text": Poison({"items": [_item(amount="12.50")]}, PASSES),
    "a number of words": Poison({"items": [_item(amount="a dozen")]}, _parked("item 1: amount is no usable number")),
    "an infinite number": Poison({"items": [_item(amount=Raw("Infinity"))]}, _parked("item 1: amount is no usable number")),
    "no number": Poison({"items": [_item(price=Raw("NaN"))]}, _parked("item 1: price is no usable number")),
    "a number of a million digits": Poison(
        {"items": [_item(price=Raw("1e999999"))]}, _parked("item 1: price is no usable number")
    ),
    "a whole number of 5,000 digits": Poison(
        {"items": [_item(amount=Raw("7" * 5000))]}, _parked("item 1: amount is no usable number")
    ),
    # lines
    "no lines": Poison({"items": None}, PASSES),
    "a text for the lines": Poison({"items": "none"}, _parked("items is no list")),
    "a line that is null": Poison({"items": [None]}, _parked("item 1 is no JSON object")),
    "a line without an id": Poison({"items": [_item(id=None)]}, _parked("item 1 has no id")),
    "two lines with one id": Poison({"items": [_item(), _item()]}, _parked("two items have the id 1")),
    "a thousand lines": Poison({"items": [_item(id=number) for number in range(1, 1001)]}, PASSES),
    # texts
    "NUL in a text": Poison({"more_info": "ring\x00twice", "counterpart_id_seller": "C\x0017"}, PASSES),
    "half a character in a text": Poison({"more_info": Raw(r'"ring \ud83d twice"')}, PASSES),
    "a note of two megabytes": Poison({"more_info": "ñ" * 2**20}, PASSES),
    "a formula for a product": Poison({"items": [_item(sku='=HYPERLINK("http://evil.example","x")')]}, PASSES),
    "a path for a product": Poison({"items": [_item(sku="../../../etc/passwd", display_name="a/b\\c")]}, PASSES),
    # shapes
    "deep nesting": Poison({"more_info": Raw("[" * 200 + "]" * 200)}, _parked("more_info is no text")),
    "nesting beyond all depth": Poison({"more_info": Raw("[" * 100_000 + "]" * 100_000)}, NAMELESS),
}


@pytest.fixture
async def erp(tmp_path):
    async with FilesAdapter(FilesSettings(folder=tmp_path / "erp"), workspace="123") as adapter:
        yield adapter


async def test_each_parks_alone_or_passes_and_its_neighbours_flow(database_url, erp, tmp_path):
    """All of them in one slice: every one has its fate, every good order is carried and told; mended, all of them are."""
    async with sandboxed(database_url, erp=erp) as (w, box):
        good, poisoned = _fill(box)
        _poison(box, poisoned)
        await w.start()

        await w.cycle(2)

        assert await _fates(w, poisoned) == {name: poison.fate for name, poison in POISONS.items()}
        passed = [_id(poisoned[name], poison) for name, poison in POISONS.items() if poison.fate == PASSES]
        assert sorted(_documents(tmp_path)) == sorted([*good, *passed])
        assert {path.name for path in tmp_path.iterdir() if not path.name.startswith("sync.db")} == {"erp"}
        assert all(box.world.orders[int(order)].external_id for order in good)
        assert await _kept_raw(database_url) == len(POISONS) - len(passed)
        nameless = [name for name, poison in POISONS.items() if poison.fate == NAMELESS]
        refused = [event["digest"] for event in w.events("element.refused")]
        assert len(set(refused)) == len(refused) == len(nameless)

        del box.world.encoded
        await w.cycle(12)
        assert {(await w.state(str(order.id))).situation for order in poisoned.values()} == {"settled"}


def _fill(box: Sandbox) -> tuple[list[str], dict[str, Order]]:
    """A good order before, between and after the poisoned ones."""
    good, poisoned = [_accepted(box)], {}
    for name in POISONS:
        poisoned[name] = _accepted(box)
        good.append(_accepted(box))
    return [str(order.id) for order in good], poisoned


def _accepted(box: Sandbox) -> Order:
    return box.world.accept(box.world.place(123).id)


def _poison(box: Sandbox, poisoned: Mapping[str, Order]) -> None:
    """The sandbox shows these orders as the table says, until `encoded` is deleted again."""
    spoilt = {order.id: _encoded(json.loads(box.world.encoded(order)), POISONS[name]) for name, order in poisoned.items()}
    encoded = box.world.encoded
    box.world.encoded = lambda order: spoilt.get(order.id) or encoded(order)


def _encoded(shown: dict[str, Any], poison: Poison) -> bytes:
    raws: list[Raw] = []

    def placeholder(value: Any) -> Any:
        if isinstance(value, Raw):
            raws.append(value)
            return f"@{len(raws) - 1}@"
        if isinstance(value, dict):
            return {name: placeholder(inner) for name, inner in value.items()}
        return [placeholder(inner) for inner in value] if isinstance(value, list) else value

    text = json.dumps(placeholder({**shown, **poison.fields}))
    for number, raw in enumerate(raws):
        text = text.replace(f'"@{number}@"', raw)
    return text.encode()


async def _fates(w: World, poisoned: Mapping[str, Order]) -> dict[str, str]:
    async with w.way.store.transaction() as tx:
        states = await tx.orders(_id(order, POISONS[name]) for name, order in poisoned.items())
    found = {name: states.get(_id(order, POISONS[name])) for name, order in poisoned.items()}
    return {
        name: NAMELESS if state is None else f"{state.situation}{', ' if state.reason else ''}{state.reason}"
        for name, state in found.items()
    }


def _id(order: Order, poison: Poison) -> str:
    return poison.id or str(order.id)


def _documents(folder: Any) -> list[str]:
    """The order of every document in the inbox."""
    return [json.loads(path.read_bytes())["order"]["id"] for path in (folder / "erp" / "inbox").iterdir()]


async def _kept_raw(url: str) -> int:
    async with open_reader(url) as reader:
        (overview,) = await reader.overview()
    return overview.unreadable
