"""Whether work goes on: cycles in which nothing moves are cut off, and a direction that went well too long ago is told."""

import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from daemon.app.house import Lane
from daemon.config.settings import Settings
from daemon.domain.pause import Direction
from daemon.service.crew import Crew
from daemon.service.post import Post

#: A request is tried so often, and may be asked to wait so long.
_TRIES = 3
_ASKED_WAIT = timedelta(seconds=60)
#: The longest transaction.
_TRANSACTION = timedelta(seconds=120)

_log = structlog.get_logger()


class Progress:
    """Looks at every post now and then, whatever runs or does not run."""

    def __init__(self, crew: Crew, clock: Callable[[], float] = time.monotonic) -> None:
        self._crew = crew
        self._clock = clock
        #: How far each running cycle was, and since when.
        self._steps: dict[str, tuple[object, float]] = {}
        self._stalled: set[tuple[str, Direction]] = set()

    async def look(self) -> None:
        settings, posts = self._crew.house.settings, self._crew.posts
        self._stalled = {each for each in self._stalled if each[0] in posts}
        for name, post in list(posts.items()):
            with structlog.contextvars.bound_contextvars(workspace=name):
                self._cut_if_stuck(name, post, patience_of(settings).total_seconds())
                self._tell_stalled(name, post, settings)

    def _cut_if_stuck(self, name: str, post: Post, patience_s: float) -> None:
        lane, now = post.running, self._clock()
        if lane is None:
            self._steps.pop(name, None)
            return
        steps, since = self._steps.get(name, (None, now))
        if steps != (reached := _reached(lane)):
            self._steps[name] = reached, now
        elif now - since > patience_s:
            self._steps[name] = reached, now
            post.cut()

    def _tell_stalled(self, name: str, post: Post, settings: Settings) -> None:
        limit = max(settings.service.stalled_after, 3 * settings.sync.poll_interval).total_seconds()
        for direction in Direction:
            age = 0.0 if post.pulse.stands_by else post.pulse.age(direction)
            if (age > limit) == ((name, direction) in self._stalled):
                continue
            if age > limit:
                self._stalled.add((name, direction))
                reason = post.pulse.troubles.get(direction, "no cycle came to its end")
                _log.error("progress.stalled", direction=direction.value, last_good_s=round(age), reason=reason)
            else:
                self._stalled.discard((name, direction))
                _log.info("progress.resumed", direction=direction.value)


def _reached(lane: Lane) -> object:
    """Changes with every request and every commit of a cycle."""
    return lane.client.request_count, lane.store.commits, id(lane)


def patience_of(settings: Settings) -> timedelta:
    """How long nothing may move within a cycle: longer than all deadlines of a single step together."""
    request = _TRIES * settings.consentio.timeout + _ASKED_WAIT
    return 2 * max(request, settings.delivery.call_timeout, _TRANSACTION) + _ASKED_WAIT
