"""The `files` adapter: the port of `daemon.ports` over a folder."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar, Self

from daemon.domain.content import Change
from daemon.domain.ledger import Kind
from daemon.domain.order import Order
from daemon.erp.files.document import change_in_words
from daemon.erp.files.outbox import Outbox
from daemon.erp.files.settings import FilesSettings
from daemon.errors import ErpError, ErpUnavailable
from daemon.ports import Capabilities, Effect, Record, Reports


class FilesAdapter:
    """Writes one document per effect, remembers it by a receipt, and so can be asked about every key and writes none twice.

    What the ERP makes of a document, its replies say; until one comes, a document that was written counts as taken over.
    A refused create is a record that is not live: the ERP never imports that document, and a retry writes another one under
    another key. A refused update or cancel left nothing behind, so `find` does not know its key, and the record stands as before.
    The disk is only touched in worker threads.
    """

    contract: ClassVar[int] = 1
    Settings: ClassVar[type[FilesSettings]] = FilesSettings
    capabilities = Capabilities(find="every", refuses_second_key=True, group_size=500, concurrency=1, reports=True)

    def __init__(self, settings: FilesSettings, *, workspace: str) -> None:
        waits = settings.reference == "number"
        self.capabilities = replace(self.capabilities, group_size=settings.group_size, numbers_later=waits)
        self._outbox = Outbox(settings, workspace=workspace)

    async def __aenter__(self) -> Self:
        """A folder that cannot be used yet is no reason to fail: `check` says so, and so does every effect."""
        with suppress(ErpUnavailable):
            await asyncio.to_thread(self._outbox.make_ready)
        return self

    async def __aexit__(self, *exc: object) -> None:
        return

    @property
    def identity(self) -> str:
        return str(self._outbox.folder.root)

    async def check(self) -> None:
        await asyncio.to_thread(self._outbox.prepare)

    async def find(self, key: str) -> Record | None:
        answer = (await self.find_many([key])).get(key)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def find_many(self, keys: Sequence[str]) -> Mapping[str, Record | Exception]:
        return await asyncio.to_thread(self._outbox.find, keys)

    async def read(self, record: str) -> Record | None:
        return await self.find(record)  # a record is named by the key of its create

    async def create(self, order: Order, key: str) -> Record:
        return await self._do(Effect(kind=Kind.CREATE, key=key, order=order))

    async def update(self, record: str, change: Change, key: str) -> Record:
        return await self._do(Effect(kind=Kind.UPDATE, key=key, order=change.after, record=record, change=change))

    async def cancel(self, record: str, order: Order, key: str) -> Record:
        return await self._do(Effect(kind=Kind.CANCEL, key=key, order=order, record=record))

    async def apply(self, effects: Sequence[Effect]) -> AsyncGenerator[tuple[str, Record | Exception], None]:
        answers = await asyncio.to_thread(self._outbox.apply, effects)
        for key, answer in answers.items():
            if isinstance(answer, Record | ErpError):  # the rest are doubts
                yield key, answer

    async def preview(self, effect: Effect) -> str:
        await asyncio.to_thread(self._outbox.must_be_possible, effect)
        record = f" as record {effect.record}" if effect.record else ""
        changes = change_in_words(effect.change) if effect.change else []
        return "\n  ".join(
            [f"{effect.kind} order {effect.order.id}{record} by a document in {self._outbox.folder.inbox}", *changes]
        )

    def rehearse(self) -> None:
        """Nothing is made ready, recovered or proved any more; the folder is read as it is."""
        self._outbox.rehearse()

    async def reports(self, since: str | None) -> Reports:
        """What replies said since; the cursor is the moment when the last of them was taken."""
        return await asyncio.to_thread(self._outbox.reports, since)

    async def _do(self, effect: Effect) -> Record:
        answer = (await asyncio.to_thread(self._outbox.apply, [effect]))[effect.key]
        if isinstance(answer, Exception):
            raise answer
        return answer
