"""What the operator reads: one line an event, as JSON or, on a terminal, for the eye. All loggers of all libraries end here.

Secrets that were made known by `hide`, and fields that look like secrets, never pass; control characters cannot forge a line.
"""

import logging
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import IO, Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from daemon.domain.secrecy import MASK, masked_text

Format = Literal["auto", "json", "console"]

#: Libraries that talk about each run or each request at a level where we tell only what an operator needs.
_NOISY = {
    "apscheduler": logging.ERROR,  # a cycle longer than its interval is told by `cycle.done`
    "aiohttp.access": logging.WARNING,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "aiosqlite": logging.WARNING,
}
_SECRET_NAME = re.compile(r"passw|secret|token|api_?key|private_?key|authorization|cookie|credential|hash_?id", re.IGNORECASE)
# C0, DEL, C1, and the separators and direction marks with which a text can pretend to be another line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: The levels of the events that rooms tell through `say`; what is not here is `info`.
_LEVELS = {
    "api.retried": "debug",
    "order.recorded": "debug",  # `order.created` follows
    "amount.mismatched": "warning",
    "brake.pulled": "warning",
    "order.in_doubt": "warning",
    "order.parked": "warning",
    "orders.missing": "warning",
    "reference.refused": "warning",
    "seen.refused": "warning",
    "slice.halved": "warning",
    "sweep.cut": "warning",
    "sweep.emptied": "warning",
    "sweep.shortened": "warning",
}


def say(event: str, **fields: object) -> None:
    """Tells an event of a room below, at the level that it deserves."""
    level = _LEVELS.get(event, "info")
    if logging.getLogger().isEnabledFor(logging.getLevelNamesMapping()[level.upper()]):
        getattr(structlog.get_logger("daemon"), level)(event, **fields)


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, with those masked whose names look like a secret's, or that hold a known one."""
    return {str(name): MASK if _SECRET_NAME.search(str(name)) else _masked(value) for name, value in values.items()}


def configure(*, form: Format = "auto", level: str = "info", stream: IO[str] | None = None) -> None:
    """Takes over every logger of the process. May be called again, for another format or level."""
    out = stream or sys.stdout
    as_json = form == "json" or (form == "auto" and not out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(as_json=as_json, colors=out.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*_ours(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # `configure` may come again
    )


def is_debugging() -> bool:
    """Whether details were asked for."""
    return logging.getLogger().isEnabledFor(logging.DEBUG)


def _ours() -> list[Processor]:
    return [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _stamp]


def _formatter(*, as_json: bool, colors: bool) -> logging.Formatter:
    end: list[Processor] = [structlog.processors.JSONRenderer()] if as_json else [_indent_traceback, _console(colors=colors)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_ours(), structlog.stdlib.add_logger_name],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _mask,
            *([] if as_json else [_escape]),  # JSON escapes by itself
            _order,
            *end,
        ],
    )


def _console(*, colors: bool) -> structlog.dev.ConsoleRenderer:
    # The pretty tracebacks print local variables, and with them secrets.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="ts", exception_formatter=plain, pad_event_to=24)


_stamp = structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts")


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return masked(event)


def _masked(value: object) -> Any:
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, Mapping):
        return masked(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float) else masked_text(str(value))


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {visible(name): value if name in {"exception", "stack"} else _escaped(value) for name, value in event.items()}


def _escaped(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else visible(str(value))


def visible(text: str) -> str:
    """The text on one line, with every control character written out."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _indent_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A traceback keeps its lines, each behind a bar, so that none of them passes for an event."""
    for name in {"exception", "stack"} & event.keys():
        event[name] = "\n".join(f"  | {visible(line)}" for line in str(event[name]).splitlines())
    return event


def _order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = {name: event.pop(name) for name in ("ts", "level", "event", "workspace", "cycle") if name in event}
    return {**first, **event}
