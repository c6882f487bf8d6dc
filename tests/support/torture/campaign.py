"""Many schedules, their figures, and the shrunk story of the first one that breaks the promise."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.torture.machine import ERPS, Deed, Machine
from tests.support.torture.truth import HARMS, Broken

STEPS = 30

#: The plainest value of what a deed may be told: tried in its place when a story is shrunk.
_PLAIN = {"door": None, "seconds": 1, "times": 1, "boxes": 1, "number": 0, "is_second": False, "deed": "edit"}


@dataclass(slots=True)
class Figures:
    """What was tried and what was found."""

    schedules: int = 0
    steps: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    harms: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Figures") -> None:
        self.schedules += other.schedules
        self.steps += other.steps
        self.faults += other.faults
        self.harms += other.harms

    def __str__(self) -> str:
        """The line of figures."""
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()) if count)
        harms = ", ".join(f"{_WORDS.get(harm, harm)} {self.harms[harm]}" for harm in {**dict.fromkeys(HARMS), **self.harms})
        return f"{self.schedules} schedules, {self.steps} steps, {self.faults.total()} faults injected ({faults}): {harms}"


_WORDS = {"early": "acknowledged early"}


@dataclass(frozen=True, slots=True)
class Story:
    """A schedule that breaks the promise, as short as it could be made, in plain words."""

    erp: str
    seed: int
    error: str
    lines: Sequence[str]

    def __str__(self) -> str:
        return "\n".join([f"ERP: {self.erp}; seed {self.seed}", *self.lines, f"=> {self.error}"])


def search(erp: str, number: int, schedules: int, *, shrinks: bool = True) -> tuple[Figures, Story | None]:
    """Try so many schedules with one kind of ERP; the seed decides which. Stops at the first that breaks the promise."""
    figures, broken = Figures(), list[Machine]()

    @seed(number)
    class Watched(Machine):
        def ended(self) -> None:
            if not broken:
                figures.schedules += 1
                figures.steps += len(self.deeds)
                figures.faults += self.stage.injected
            if self.error is not None:
                broken.append(self)

    Watched.erp = ERPS[erp]
    with suppress(Exception):
        run_state_machine_as_test(Watched, settings=_settings(schedules), _min_steps=STEPS + 1)
    if not broken:
        return figures, None
    figures.harms[harm_of(broken[0])] += 1
    return figures, _told(erp, number, shrunk(broken[0]) if shrinks else broken[0])


def _settings(schedules: int) -> settings:
    """The same seed, the same schedules; hypothesis finds, and the story is shrunk here, deed by deed."""
    return settings(
        max_examples=schedules,
        stateful_step_count=STEPS + 1,  # the beginning is one
        deadline=None,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )


def harm_of(machine: Machine) -> str:
    """How the promise broke; anything that the core raised is a harm of its own."""
    return machine.error.harm if isinstance(machine.error, Broken) else type(machine.error).__name__


def _told(erp: str, number: int, machine: Machine) -> Story:
    return Story(erp, number, f"{type(machine.error).__name__}: {machine.error}", machine.stage.story)


# ---- shrinking


def replay(like: Machine, deeds: Sequence[Deed]) -> Machine:
    """The same beginning, other deeds."""
    machine = Machine()
    machine.erp = like.erp  # type: ignore[misc]
    with suppress(Exception):
        machine.begin(**like.beginning)
        for name, arguments in deeds:
            getattr(machine, name)(**arguments)
            machine.nothing_doubled_nothing_early()
    with suppress(Exception):
        machine.teardown()
    return machine


def shrunk(machine: Machine) -> Machine:
    """Fewer and plainer deeds, as long as the promise breaks in the same way."""
    best = machine
    for candidates in (_without, _plainer):
        changed = True
        while changed:
            changed = False
            for deeds in candidates(best.deeds):
                tried = replay(best, deeds)
                if tried.error is not None and harm_of(tried) == harm_of(machine):
                    best, changed = tried, True
                    break
    return best


def _without(deeds: Sequence[Deed]) -> Iterator[list[Deed]]:
    """Halves first, then quarters, then each deed."""
    size = max(len(deeds) // 2, 1)
    while size:
        for start in range(len(deeds) - size, -1, -size):
            yield [*deeds[:start], *deeds[start + size :]]
        size //= 2


def _plainer(deeds: Sequence[Deed]) -> Iterator[list[Deed]]:
    for at, (name, arguments) in enumerate(deeds):
        for word, value in arguments.items():
            if (
                word in _PLAIN
                and isinstance(value, type(_PLAIN[word]) if _PLAIN[word] is not None else str)
                and value != _PLAIN[word]
            ):
                yield [*deeds[:at], (name, {**arguments, word: _PLAIN[word]}), *deeds[at + 1 :]]
