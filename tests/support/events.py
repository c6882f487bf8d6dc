"""The events that the program tells, and what the operator's page says of them."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operating.md"
#: Events are named `noun.past`.
_EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
_ROW = re.compile(r"\| `([a-z_]+\.[a-z_]+)` \| (\w+) \| ([^|]*) \| ([^|]+) \| ([^|]+) \|")
_TELLERS = {"say", "log", "debug", "info", "warning", "error", "exception"}
#: They tell of themselves, to whoever plays with them.
_STRANGERS = ("sandbox", "testing", "cli/demo")
#: Every line may bear these.
BOUND = {"ts", "level", "event", "workspace", "cycle", "logger"}
#: Told at another level where nothing happened.
QUIETER = {"cycle.done": ("debug",)}


@dataclass(frozen=True, slots=True)
class Row:
    """One event as the operator's page explains it."""

    level: str
    fields: frozenset[str]


@dataclass(slots=True)
class Told:
    """One event as the code tells it: the fields that its calls name."""

    fields: set[str] = field(default_factory=set)


def documented() -> dict[str, Row]:
    """The rows of the operator's page. An event stands on it once."""
    rows = _ROW.findall(PAGE.read_text())
    assert len(rows) == len({name for name, *_ in rows}), "an event stands on the page twice"
    return {name: Row(level, frozenset(re.findall(r"`(\w+)`", fields))) for name, level, fields, *_ in rows}


def told() -> dict[str, Told]:
    """Every event whose name is written where it is told."""
    events: dict[str, Told] = defaultdict(Told)
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in _TELLERS and node.args:
                for name in _events(node.args[0]):
                    events[name].fields |= {keyword.arg for keyword in node.keywords if keyword.arg} - {"exc_info"}
    return dict(events)


def written() -> set[str]:
    """Every text in the code that could be an event's name."""
    return {name for tree in _trees() for name in _events(tree)}


def undocumented(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the page does not explain of these lines of a log."""
    rows = documented()
    problems = []
    for line in lines:
        name = line["event"]
        if not _EVENT.fullmatch(name):
            continue  # a library's own line
        if name not in rows:
            problems.append(name)
        elif more := line.keys() - BOUND - rows[name].fields:
            problems.append(f"{name}: {', '.join(sorted(more))}")
        elif line["level"] not in (rows[name].level, *QUIETER.get(name, ())):
            problems.append(f"{name} at {line['level']}")
    return sorted(set(problems))


def _trees() -> Iterator[ast.AST]:
    for file in (ROOT / "daemon").rglob("*.py"):
        if not str(file.relative_to(ROOT / "daemon")).startswith(_STRANGERS):
            yield ast.parse(file.read_text())


def _events(node: ast.AST) -> list[str]:
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and _EVENT.fullmatch(text)]


def _name(function: ast.expr) -> str:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name.lstrip("_")
