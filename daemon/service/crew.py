"""All workspaces of the process, each at its post; their number and settings may change while they run."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from daemon.app.house import House
from daemon.config.ends import Workspace
from daemon.config.settings import Settings
from daemon.errors import AdapterBroken, OperatorError, StoreUnavailable
from daemon.service.post import Post
from daemon.service.pulse import Pulse
from daemon.service.schedule import Schedule

_log = structlog.get_logger()


class Crew:
    """The posts and their schedule. `fail` is told what ends the process."""

    def __init__(self, house: House, *, is_stopping: Callable[[], bool], fail: Callable[[OperatorError], None]) -> None:
        self.house = house
        self.posts: dict[str, Post] = {}
        self._schedule = Schedule(house.settings.sync.poll_interval)
        self._is_stopping = is_stopping
        self._fail = fail
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def pulses(self) -> Sequence[Pulse]:
        """The health of every workspace."""
        return [post.pulse for post in self.posts.values()]

    async def open(self) -> None:
        """Takes the lead of every workspace, or stands by; raises what is wrong with one of them.

        A broken adapter is no reason to end: its workspace tells it in its first cycle, and the others work.
        """
        for workspace in self.house.settings.workspaces:
            with suppress(AdapterBroken):
                await self._post(workspace).open()

    def start(self) -> None:
        """From now on cycles run."""
        for name, post in self.posts.items():
            self._schedule.add(name, post.turn)
        self._schedule.start()

    def _post(self, workspace: Workspace) -> Post:
        post = Post(self.house, workspace, is_stopping=self._is_stopping, fail=self._fail)
        self.posts[workspace.name] = post
        return post

    def change(self, settings: Settings) -> None:
        """Other settings are in force: each workspace takes them up between two of its cycles, new ones begin, others leave."""
        old, self.house.settings = self.house.settings, settings
        if old.sync.poll_interval != settings.sync.poll_interval:
            self._schedule.change_interval(settings.sync.poll_interval)
        wanted = {workspace.name: workspace for workspace in settings.workspaces}
        for name in self.posts.keys() - wanted.keys():
            self._dismiss(name)
        for name, workspace in wanted.items():
            if name in self.posts:
                self.posts[name].change(workspace)
            else:
                self._schedule.add(name, self._post(workspace).turn)

    async def note_config(self, trouble: str) -> None:
        """Lets `status` tell how the config file differs from what is in force."""
        for post in list(self.posts.values()):
            await post.note_config(trouble)

    def _dismiss(self, name: str) -> None:
        self._schedule.remove(name)
        task = asyncio.create_task(self.posts.pop(name).leave())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def take_what_is_free(self) -> None:
        """Takes the lead of each workspace that stood by, where no daemon has it any more."""
        waiting = [name for name, post in self.posts.items() if post.pulse.stands_by]
        if not waiting or self._is_stopping():
            return
        try:
            free = await self.house.database.free_among(waiting)
        except StoreUnavailable as error:
            _log.debug("lead.not_asked", reason=str(error))
            return
        for name in free:
            if name in self.posts and await self.posts[name].take_over():
                self._schedule.soon(name)

    async def drain(self) -> int:
        """Begins nothing more, and lets what runs come to its end; returns how many cycles had to be cut off after the grace."""
        cut = await self._schedule.drain(self.house.settings.service.drain_grace)
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        return cut
