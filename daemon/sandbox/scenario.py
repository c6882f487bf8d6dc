"""Scenarios: a file of timed steps to replay against a client. examples/scenario.toml explains the format."""

import asyncio
import re
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.sandbox.clock import Clock
from daemon.sandbox.deeds import Details, Stage, do
from daemon.sandbox.faults import Faults
from daemon.sandbox.order import Order
from daemon.sandbox.world import World

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_TICK = 0.05

_UNTIL: dict[str, Callable[[Order], bool]] = {
    "referenced": lambda order: order.external_id != "",
    "seen": lambda order: order.is_read and not order.unseen,
    "prepared": lambda order: bool(order.prepared),
    "canceled": lambda order: order.status == "canceled",
}


class BadScenario(ValueError):
    """A scenario file that cannot be played: which step, and what is wrong with it."""


class ScenarioFailed(Exception):
    """The client did not do in time what a step waited for."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what to do, and when, in seconds since the start or the end of the last wait."""

    place: int
    at: float
    do: str
    order: str | None
    details: Details


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    steps: tuple[Step, ...]


def duration(text: str | float) -> float:
    """The seconds in "90s", "1m30s" or "2h"; a bare number is seconds already."""
    if isinstance(text, int | float):
        return float(text)
    matched = _DURATION.fullmatch(text)
    if not text or matched is None:
        raise ValueError(f"{text!r} is no duration: write 90s, 1m30s or 2h")
    hours, minutes, seconds = (float(part or 0) for part in matched.groups())
    return hours * 3600 + minutes * 60 + seconds


def load(path: Path, world: World) -> Scenario:
    """The scenario in this TOML file, rehearsed on an empty market; BadScenario if it cannot be played."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BadScenario(f"{path}: {problem}") from problem
    if unknown := set(told) - {"name", "step"}:
        raise BadScenario(f"{path}: unknown: {', '.join(sorted(unknown))}; there are name and [[step]]")
    scenario = Scenario(
        name=str(told.get("name", path.stem)),
        steps=tuple(_step(place, step) for place, step in enumerate(told.get("step", []), start=1)),
    )
    _rehearse(scenario, world)
    return scenario


def _step(place: int, told: Mapping[str, Any]) -> Step:
    details = dict(told)
    try:
        at, deed = duration(details.pop("at", 0)), details.pop("do")
    except KeyError as problem:
        raise BadScenario(f"step {place}: do is missing") from problem
    except ValueError as problem:
        raise BadScenario(f"step {place}: at: {problem}") from problem
    return Step(place=place, at=at, do=deed, order=details.pop("order", None), details=details)


def _rehearse(scenario: Scenario, world: World) -> None:
    frozen = world.now()
    clock = Clock(lambda: frozen)
    empty = World(world.workspaces.values(), seed=world.seed, clock=clock, switches=world.switches)
    cast: dict[str, int] = {}
    for step in scenario.steps:
        try:
            if step.do == "wait":
                _Wait.read(step, cast)
            else:
                _play(step, Stage(empty, Faults(), clock), cast)
        except (ValueError, LookupError) as problem:
            raise BadScenario(f"step {step.place} ({step.do}): {problem}") from problem


def _play(step: Step, stage: Stage, cast: dict[str, int]) -> None:
    """Does one step; `cast` knows which order goes by which name, and learns the new ones."""
    if step.do == "place":
        placed = do(stage, "place", step.details)
        if step.order is not None:
            cast[step.order] = placed["id"]
    elif step.order is None:
        do(stage, step.do, step.details)
    else:
        do(stage, step.do, {**step.details, "order": _named(step, cast)})


def _named(step: Step, cast: Mapping[str, int]) -> int:
    if step.order is None or step.order not in cast:
        raise BadScenario(f"no earlier step has placed an order {step.order!r}")
    return cast[step.order]


@dataclass(frozen=True, slots=True)
class _Wait:
    order: int
    until: str
    timeout: float

    @classmethod
    def read(cls, step: Step, cast: Mapping[str, int]) -> "_Wait":
        if unknown := set(step.details) - {"until", "timeout"}:
            raise BadScenario(f"unknown: {', '.join(sorted(unknown))}")
        until = step.details.get("until")
        if until not in _UNTIL:
            raise BadScenario(f"until: {until!r} is not one of {', '.join(_UNTIL)}")
        return cls(_named(step, cast), str(until), duration(step.details.get("timeout", "60s")))

    async def over(self, world: World) -> bool:
        """True once the order is as awaited, False if the time is up first."""
        deadline = time.monotonic() + self.timeout
        while not _UNTIL[self.until](world.orders[self.order]):
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(_TICK)
        return True


async def play(scenario: Scenario, stage: Stage) -> None:
    """Plays all steps at their times; ScenarioFailed if a wait is in vain."""
    cast: dict[str, int] = {}
    began = time.monotonic()
    for step in scenario.steps:
        await asyncio.sleep(max(0.0, began + step.at - time.monotonic()))
        if step.do != "wait":
            _attempt(step, stage, cast)
            continue
        wait = _Wait.read(step, cast)
        if not await wait.over(stage.world):
            raise ScenarioFailed(
                f"step {step.place}: order {step.order!r} ({wait.order}) was not {wait.until} within {wait.timeout:g} seconds"
            )
        began = time.monotonic()


def _attempt(step: Step, stage: Stage, cast: dict[str, int]) -> None:
    try:
        _play(step, stage, cast)
    except (ValueError, LookupError) as problem:
        raise ScenarioFailed(f"step {step.place} ({step.do}): {problem}") from problem
