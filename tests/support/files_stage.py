"""The stage of the `files` adapter: an ERP that reads the folder as its importer would, and answers by replies."""

import csv
import io
import json
import os
import time
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import ClassVar

from daemon.domain.order import Address
from daemon.erp.files import FilesAdapter
from daemon.erp.files.cells import restored
from daemon.testing.exam import Held, Stage
from tests.support.fake_stage import MANGOS, ORDER

#: What an importer does not book: which order and document it is.
_NAMES = {"id", "more_info", "lines", "status"}


class FilesStage(Stage):
    waives: ClassVar = {
        "double": "there is one receipt for each key",
        "clerk_deletes": "a document that the ERP took away is the ERP's",
        "clerk_confirms": "every change is one document more, and what becomes of it a reply says",
        "clerk_ships": "every change is one document more, and what becomes of it a reply says",
    }

    def __init__(self, home: Path, **settings: object) -> None:
        self.home = home / "mount"
        self.home.mkdir()
        self.settings = {"units": ["box", "kg"], "require": ["lines.sku"], "csv_decimal_mark": ",", **settings}
        self._made: list[FilesAdapter] = []
        self._cancelled: set[str] = set()
        self._replies = count()

    @property
    def folder(self) -> Path:
        return self.home / "erp"

    def adapter(self, workspace="123"):
        made = FilesAdapter(FilesAdapter.Settings(folder=self.folder, **self.settings), workspace=workspace)
        self._made.append(made)
        return made

    def order(self, order_id):
        return replace(ORDER, id=order_id, price=None)

    def held(self, record):
        documents = [says for says in self._documents() if says["record"] == record]
        if not documents:
            return None
        is_live = all(says["kind"] != "cancel" for says in documents) and record not in self._cancelled
        order = [says["order"] for says in documents if says["kind"] != "cancel"][-1]
        header = {name: value for name, value in order.items() if name not in _NAMES}
        return Held(live=is_live, lines=order["lines"], note=order["more_info"] or "", header=header)

    def everything(self):
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file() and path.name != ".lock")

    def other_line(self):
        return MANGOS

    def other_address(self):
        return Address(external_id="DEL-02")

    def unknown(self, order):
        first, *others = order.lines
        bare = replace(first, id="7009", sku=None, amount=Decimal(1))
        return replace(order, lines=(replace(first, unit="crate"), *others, bare)), ["unit:crate", "field:lines[7009].sku"]

    def clerk_cancels(self, record):
        self._reply(record=record, cancelled=True)
        self._cancelled.add(record)

    def clerk_numbers(self, record):
        self._reply(record=record, number="SO-4711")
        return "SO-4711"

    @contextmanager
    def away(self):
        self.home.rename(unmounted := self.home.with_name("unmounted"))
        yield
        unmounted.rename(self.home)

    @contextmanager
    def lose_answer(self, effect):
        outbox = self._made[-1]._outbox
        apply = outbox.apply

        def without_an_answer(effects):
            apply(effects)
            raise TimeoutError(effect)

        outbox.apply = without_an_answer
        yield
        outbox.apply = apply

    # ---- the importer

    def _reply(self, **says):
        path = self.folder / "replies" / f"{next(self._replies)}.json"
        path.write_text(json.dumps(says))
        written = time.time() - 5  # whoever writes it has ended
        os.utime(path, (written, written))

    def _documents(self):
        for path in sorted((self.folder / "inbox").iterdir()):
            yield json.loads(path.read_bytes()) if path.suffix == ".json" else _from_csv(path.read_text("utf-8"))


def _from_csv(text: str):
    head, *lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=";")
    order = {name.removeprefix("order."): restored(cell) for name, cell in head.items() if name.startswith("order.")}
    order["lines"] = [{name: cell for name, cell in line.items() if name.startswith("line.")} for line in lines]
    return {**head, "order": order}
