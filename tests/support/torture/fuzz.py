"""Hostile input: valid documents, broken in every way that comes to mind, for whoever reads what strangers write."""

import asyncio
import io
import json
import os
import random
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from daemon.config.load import load
from daemon.domain.order import Line, Order, Status
from daemon.erp.files import FilesAdapter
from daemon.erp.files.replies import Replies
from daemon.erp.files.settings import FilesSettings
from daemon.errors import ConfigError, SliceUnreadable
from daemon.log import configure, say
from daemon.marketplace.elements import decode
from daemon.marketplace.patient import order_of
from daemon.marketplace.plain import PlainReader
from daemon.marketplace.wire import read_elements
from tests.support.torture.sqlite import folder_in_memory

#: No input of this size may take longer to read, in seconds: what grows with the square of something would.
PATIENCE_S = 5.0

ORDER: dict[str, Any] = {
    "id": 5001,
    "hash_id": "9f8e",
    "status": "accepted",
    "created_at": "2026-11-01T08:00:00Z",
    "updated_at": "2026-11-01T08:00:00Z",
    "counterpart_id_seller": "C-17",
    "deliver_to": {"id": 3, "external_id": "GATE-2", "name": "Mercabarna", "city": "Barcelona"},
    "items": [{"id": 7001, "sku": "TOM-RAF", "amount": 10.5, "unit": "box", "price": "1.20", "currency": "EUR"}],
    "more_info": "ring twice",
}
REPLY: dict[str, Any] = {"key": "c123-5001", "number": "SO-17", "status": "booked", "total": 12.5}
REPLIES = [
    json.dumps(REPLY).encode(),
    json.dumps([REPLY, {"key": "c123-5002", "refused": True, "reason": "no such product", "missing": ["product:X"]}]).encode(),
    b"key;number;status;total\nc123-5001;SO-17;booked;12.5\n",
]
CONFIGS = [
    b'[[workspaces]]\nid = 123\napi_key = "s3cret-canary"\n[erp.default]\nadapter = "files"\nfolder = "inbox"\n',
    b'[consentio]\nbase_url = "https://sandbox.api.consentio.co"\ntimeout = "30s"\n[sync]\npoll_interval = "60s"\n',
    b'[database]\nurl = "postgresql://user:s3cret-canary@host/db"\n[http]\nport = 8080\n[log]\nlevel = "info"\n',
]

#: Texts that have fooled somebody: the end of a line, of a JSON text, of a cell, of a folder; colours; halves of characters.
TEXTS = (
    *("", "\x00", '\n{"event": "order.created"}\n', "\r\n2026-11-01T00:00:00Z [info] cycle.done", "\x1b[2K\x1b[1A\x1b[31mred"),
    *("\u2028forged\u2029", "\x85forged", "\ud800", "\udfff\ud800", "../../../../etc/passwd", "/etc/passwd", "C:\\x\\..\\..\\y"),
    *('"}],{"', "=cmd|' /C calc'!A0", "a" * 3_000, "%s%n{0}{x!r}", "${jndi:x}", "\u202egnp.exe", "\ufeff", "é" * 300),
)
NUMBERS = ("1e999999", "-1e-999999", "9" * 400, "9" * 5_000, "NaN", "Infinity", "-0", "0.1e1", "1" + "0" * 30 + ".5", "0x10")
VALUES = (*TEXTS, None, True, False, 0, -1, 2**63, 2**200, [], {}, [[]], [None], {"": ""}, 1.5e300)
_QUICK = PlainReader()
_RAW = (
    *(
        b"[" * 5_000,
        b'{"a":' * 3_000,
        b"\x00",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xc3",
        b"\xf4\x90\x80\x80",
        b'"',
        b"\\",
        b"\\u",
        b"\n\n",
    ),
    *(b"]", b"}", b",", b":", b"[[", b"=", b"'''", b'"""', b";" * 500, b"#", b"\x1b[2J"),
)


@dataclass(frozen=True, slots=True)
class Hostile:
    """A maker of hostile bytes. The same seed, the same bytes."""

    random: random.Random

    def of(self, valid: Sequence[bytes]) -> bytes:
        """A valid document, broken: as a value where it is JSON, as bytes else, or once more."""
        document = self.random.choice(valid)
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            document = self._broken(document)
        return document

    def _broken(self, document: bytes) -> bytes:
        if self.random.random() < 0.6:
            with suppress(ValueError, RecursionError):
                return self._spelt(self._changed(json.loads(document)))
            with suppress(Exception):  # what is no TOML, or cannot be written as TOML, is broken in another way
                return tomlkit.dumps(self._changed(tomllib.loads(document.decode()))).encode()
        return self._cut(document)

    def _changed(self, value: Any) -> Any:
        """One value, somewhere within, is another one."""
        if isinstance(value, dict) and value and self.random.random() < 0.85:
            key = self.random.choice(list(value))
            if self.random.random() < 0.1:
                return {**value, self._text(): value[key]}
            return {**value, key: self._changed(value[key])}
        if isinstance(value, list) and value and self.random.random() < 0.85:
            at = self.random.randrange(len(value))
            return [*value[:at], self._changed(value[at]), *value[at + 1 :] * self.random.choice((0, 1, 1, 30))]
        if self.random.random() < 0.03:
            return self._deep(self.random.choice((20, 900, 1_100, 3_000)))
        return self.random.choice(VALUES)

    def _deep(self, depth: int) -> str:
        return f"@deep{depth}@"

    def _text(self) -> str:
        return self.random.choice(TEXTS)

    def _spelt(self, value: Any) -> bytes:
        """As JSON, with what no honest writer would spell: repeated keys, odd numbers, nesting beyond reason."""
        text = json.dumps(value, ensure_ascii=self.random.random() < 0.5)
        for depth in (20, 900, 1_100, 3_000):
            text = text.replace(f'"@deep{depth}@"', "[" * depth + "]" * depth)
        if self.random.random() < 0.2:
            text = text.replace("10.5", self.random.choice(NUMBERS)).replace("12.5", self.random.choice(NUMBERS))
        if self.random.random() < 0.1:
            text = text.replace('{"', '{"id": [], "id": 1, "key": "x", "key": {}, "', 1)
        return text.encode("utf-8", "surrogatepass")

    def _cut(self, document: bytes) -> bytes:
        at = self.random.randrange(len(document) + 1)
        until = min(at + self.random.choice((0, 1, 2, 8, 80)), len(document))
        what = self.random.randrange(5)
        if what == 0:
            return document[:at]
        if what == 1:
            return document[:at] + self.random.choice(_RAW) + document[until:]
        if what == 2:
            return document[:at] + self.random.choice(TEXTS).encode("utf-8", "surrogatepass") + document[until:]
        if what == 3:
            return document[:at] + bytes(self.random.randrange(256) for _ in range(until - at)) + document[until:]
        return document[:at] + document[at:until] * 3 + document[until:]


@contextmanager
def _in_time(what: str, document: bytes) -> Iterator[None]:
    """It ends, in the way that it may, and soon; else the document is told."""
    began = time.process_time()
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error!s:.200}; seed document {document[:2_000]!r}") from error
    took = time.process_time() - began
    assert took < PATIENCE_S, f"{what} took {took:.1f} s: {document[:2_000]!r}"


def wire(number: int, count: int) -> None:
    """Answers of the API: an order, an element with its reason, or a slice that cannot be read; each keeps its own bytes."""
    hostile = Hostile(random.Random(number))
    valid = [json.dumps([ORDER, {**ORDER, "id": 5002}]).encode(), json.dumps([ORDER]).encode()]
    for _ in range(count):
        body = hostile.of(valid)
        with _in_time("the wire reader", body):
            try:
                elements = list(read_elements(body))
            except SliceUnreadable:
                continue
            for element in elements:
                assert (element.order is None) == bool(element.error)
                assert element.raw in body or body.startswith(b"\xef\xbb\xbf")
                assert_harmless(element.error, element.id or "", element.hash_id or "")
                _assert_read_alike(element.raw)


def _assert_read_alike(raw: bytes) -> None:
    """What the quick reader answers, the patient one would."""
    quick = _QUICK.read(raw, None)
    assert quick is None or repr(quick) == repr(order_of(decode(raw), None))


def assert_harmless(*texts: str) -> None:
    """A text that a database and a log can bear: no NUL, no half characters, no megabytes."""
    for text in texts:
        assert "\x00" not in text
        assert len(text) < 100_000
        text.encode()


def replies(number: int, count: int) -> None:
    """Replies of the ERP: news, or set aside with a message; every byte stays in the folder, and nothing beyond it is read."""
    hostile, at_once = Hostile(random.Random(number)), 100
    with folder_in_memory() as place, _quiet_log():
        reader = _reply_reader(place)
        outside = place / "outside.json"
        outside.write_bytes(REPLIES[0])
        for start in range(0, count, at_once):
            documents = [hostile.of(REPLIES) for _ in range(min(at_once, count - start))]
            for at, document in enumerate(documents):
                _leave(hostile.random, reader.inbox, start + at, document)
            with _in_time("the reply reader", b"\n---\n".join(documents)):
                _hear(reader)
            assert sorted(path.name for path in place.iterdir()) == ["erp", "outside.json"]
            assert outside.read_bytes() == REPLIES[0]
            assert len(list(reader.taken.iterdir())) + len(list(reader.bad.iterdir())) > start // 2, "they are not even read"


def _reply_reader(place: Path) -> Replies:
    """Of a folder in which one order was written, so that some replies have something to speak of."""
    settings = FilesSettings(folder=place / "erp", format="csv")
    adapter = FilesAdapter(settings, workspace="123")

    async def made() -> None:
        async with adapter:
            await adapter.create(Order(id="5001", status=Status.ACCEPTED, lines=(Line(id="7001"),)), "c123-5001")

    asyncio.run(made())
    return Replies(adapter._outbox.folder, settings, workspace="123")


def _hear(reader: Replies) -> None:
    news, cursor = reader.news(None)
    for one in news:
        assert_harmless(one.record, one.status or "", one.number or "", one.reason, *one.missing)
    reader.news(cursor)


def _leave(chance: random.Random, inbox: Path, at: int, document: bytes) -> None:
    """Under an honest name, or one that no honest writer chooses; sometimes a link that points outside."""
    odd = chance.choice(TEXTS[1:]).replace("/", "_").replace("\x00", "_")[:60]
    ending = chance.choice((".json", ".json", ".csv", ".CSV", ""))
    path = inbox / (f"{at}{ending}" if chance.random() < 0.8 else f"{at}{odd}{ending}".encode("utf-8", "replace").decode())
    if chance.random() < 0.02:
        path.symlink_to(inbox.parent.parent / "outside.json")
        return
    path.write_bytes(document)
    os.utime(path, (an_hour_ago := time.time() - 3_600, an_hour_ago))  # nobody is still writing it


def configs(number: int, count: int) -> None:
    """Config files: settings, or every problem with its key and line; never a secret, never anything else."""
    hostile = Hostile(random.Random(number))
    with folder_in_memory() as place:
        file = place / "config.toml"
        for _ in range(count):
            document = hostile.of(CONFIGS)
            file.write_bytes(document)
            with _in_time("the config reader", document):
                assert "s3cret-canary" not in _said_of(file)


def _said_of(file: Path) -> str:
    try:
        return "\n".join(load(file, {}).warnings())
    except ConfigError as error:
        return "\n".join([str(error), error.remedy, *error.problems])


def logs(number: int, count: int) -> None:
    """Foreign texts in a line of the log, as value, as name and as event, in both formats: one line each."""
    chance = random.Random(number)
    with _quiet_log() as out:
        for form in ("json", "console"):
            configure(form=form, stream=out)  # type: ignore[arg-type]
            for _ in range(count // 2):
                out.seek(0)
                out.truncate()
                text = "".join(chance.choice((*TEXTS, chr(chance.randrange(0x2FFF)))) for _ in range(chance.randrange(1, 4)))
                say("order.parked", order_id=text, reason=[text], missing={text: text})
                _assert_one_line(out.getvalue(), as_json=form == "json")


def _assert_one_line(written: str, *, as_json: bool) -> None:
    assert len(written.splitlines()) == 1, f"more than one line: {written!r:.500}"
    assert written.endswith("\n")
    assert "\x1b" not in written
    if as_json:
        assert json.loads(written)["event"] == "order.parked"


@contextmanager
def _quiet_log() -> Iterator[io.StringIO]:
    out = io.StringIO()
    configure(form="json", stream=out)
    try:
        yield out
    finally:
        configure(form="json")


#: Every reader of what strangers write.
READERS: dict[str, Callable[[int, int], None]] = {"wire": wire, "replies": replies, "configs": configs, "logs": logs}
