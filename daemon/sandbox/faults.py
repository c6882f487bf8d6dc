"""Faults on demand: what goes wrong, on which route, how often.

Some HTTP clients repeat a GET or PUT by themselves once when the connection breaks (aiohttp does): to them a
single reset or lost answer is invisible, and it takes `times=2` for the caller to notice.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

ROUTES = ("*", "login", "list", "edited", "external", "seen", "prepare")
KINDS = {
    "429": "that status (any from 400 on), with Retry-After if retry_after is given; nothing was done",
    "reset": "the connection is reset, nothing was done",
    "hang": "no answer for `seconds` (an hour, unless told), then a reset; nothing was done",
    "slow": "the work is done `seconds` late (one, unless told), even if the caller has gone meanwhile",
    "lost_answer": "the work is done, then the connection is reset (after `seconds`)",
    "truncated": "the work is done, the connection breaks in the middle of the answer",
    "broken_json": "the work is done, the answer is whole as HTTP, but its JSON ends in the middle",
    "garbage": "200 with the HTML page of some proxy, nothing was done",
    "repeated": "a list names every order twice",
    "gzip_bomb": "a small compressed answer that expands to 64 MiB, nothing was done",
    "redirect": "302 to `location`, nothing was done",
    "expired_token": "all tokens are revoked before the call is looked at",
    "skew": "the answering machine's clock, and so the Date, is `seconds` ahead",
}


class BadFault(ValueError):
    """A fault that does not exist, or is told in the wrong way."""


@dataclass(slots=True)
class Fault:
    """One rule: it strikes the next `times` matching requests (None: all), each with the chance `rate`."""

    kind: str
    route: str = "*"
    times: int | None = 1
    rate: float = 1.0
    after: int = 0  # matching requests that pass unharmed first
    seconds: float | None = None
    retry_after: float | str | None = None  # a text is sent as it is (an HTTP date, or nonsense)
    location: str = "https://elsewhere.invalid/"

    def __post_init__(self) -> None:
        if self.kind not in KINDS and self.status is None:
            raise BadFault(f"kind: {self.kind!r} is neither a status from 400 on nor one of {', '.join(KINDS)}")
        if self.route not in ROUTES:
            raise BadFault(f"route: {self.route!r} is not one of {', '.join(ROUTES)}")
        if not 0 <= self.rate <= 1:
            raise BadFault(f"rate: {self.rate!r} is no share between 0 and 1")

    @property
    def status(self) -> int | None:
        """The HTTP status that a fault named after one answers with."""
        return int(self.kind) if self.kind.isdigit() and 400 <= int(self.kind) < 600 else None

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Fault":
        """The fault in a control request or a scenario step."""
        try:
            return cls(**{**told, "kind": str(told["kind"])})
        except KeyError as missing:
            raise BadFault(f"a fault needs a kind: one of {', '.join(KINDS)}") from missing
        except TypeError as problem:
            raise BadFault(f"a fault has {', '.join(cls.__slots__)}; given was {dict(told)}") from problem

    def shown(self) -> dict[str, Any]:
        return asdict(self)


class Faults:
    """The rules in force. The first that matches strikes; a rule that has struck its times is gone."""

    def __init__(self, seed: int = 1) -> None:
        self.rules: list[Fault] = []
        self.struck = 0
        self._rng = Random(seed)

    def add(self, kind: str | int, route: str = "*", **details: Any) -> Fault:
        """A new rule, behind those that are in force: `add("429", "list", times=2, retry_after=1)`."""
        fault = Fault.read({"kind": kind, "route": route, **details})
        self.rules.append(fault)
        return fault

    def outage(self, kind: str = "reset") -> Fault:
        """From now on every request ends this way, until `clear`."""
        fault = Fault(kind=kind, times=None)
        self.rules.insert(0, fault)
        return fault

    def clear(self, fault: Fault | None = None) -> None:
        """Takes this rule away, or all of them."""
        self.rules = [] if fault is None else [rule for rule in self.rules if rule is not fault]

    def take(self, route: str) -> Fault | None:
        """What goes wrong with this request."""
        for fault in self.rules:
            if fault.route in ("*", route) and self._strikes(fault):
                self.struck += 1
                return fault
        return None

    def _strikes(self, fault: Fault) -> bool:
        if fault.after > 0:
            fault.after -= 1
            return False
        if fault.rate < 1 and self._rng.random() >= fault.rate:
            return False
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.clear(fault)
        return True
