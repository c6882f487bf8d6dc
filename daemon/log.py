"""What the operator reads: one line an event, as JSON or, on a terminal, for the eye. All loggers of all libraries end here.

Secrets that were made known by `hide`, and fields that look like secrets, never pass; control characters cannot forge a line.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import IO, Any, Literal

import msgspec
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
    "psycopg": logging.ERROR,  # a query that could not be cancelled, because the server is away
}
_SECRET_NAME = re.compile(r"passw|secret|token|api_?key|private_?key|authorization|cookie|credential|hash_?id", re.IGNORECASE)
# C0, DEL, C1, and the separators and direction marks with which a text can pretend to be another line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: The levels of the events that rooms tell through `say`; what is not here is `info`.
_LEVELS = {
    "api.retried": "debug",
    "order.braked": "debug",  # `brake.pulled` tells of all
    "news.heard": "debug",
    "gap.found": "warning",
    "gap.met": "debug",  # `gap.found` is told once for all orders
    "order.recorded": "debug",  # `order.created` follows
    "amount.mismatched": "warning",
    "brake.pulled": "warning",
    "errand.refused": "warning",
    "cancels.held": "warning",
    "news.discarded": "warning",
    "order.in_doubt": "warning",
    "element.refused": "warning",
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
    getattr(_teller(), _LEVELS.get(event, "info"))(event, **fields)


@cache
def _teller() -> Any:
    """Bound once: every order is told of."""
    return structlog.get_logger("daemon").bind()


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, with those masked whose names look like a secret's, or that hold a known one."""
    return {str(name): MASK if _is_secret(str(name)) else _masked(value) for name, value in values.items()}


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def configure(*, form: Format = "auto", level: str = "info", stream: IO[str] | None = None) -> None:
    """Takes over every logger of the process. May be called again, for another format or level."""
    out = stream or sys.stdout
    as_json = form == "json" or (form == "auto" and not out.isatty())
    last = _last(as_json=as_json, colors=out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(_foreign(last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*_ours(), *last],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=partial(_Line, handler),
        cache_logger_on_first_use=False,  # `configure` may come again
    )
    _teller.cache_clear()


class _Line:
    """Where our own lines end: in the stream of the handler that other loggers write to, without their detour."""

    def __init__(self, handler: "logging.StreamHandler[IO[str]]", *_names: str) -> None:
        self._handler = handler

    def write(self, line: str) -> None:
        """Never raises: a log that cannot be written to stops no order."""
        handler = self._handler
        try:
            with handler.lock or nullcontext():
                handler.stream.write(line + handler.terminator)
                handler.stream.flush()
        except Exception:  # noqa: BLE001  # as every handler of the standard library does
            handler.handleError(logging.makeLogRecord({"msg": line}))

    debug = info = warning = error = exception = critical = write


def is_debugging() -> bool:
    """Whether details were asked for."""
    return logging.getLogger().isEnabledFor(logging.DEBUG)


def _ours() -> list[Processor]:
    return [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _stamp]


def _last(*, as_json: bool, colors: bool) -> list[Processor]:
    """What every line goes through in the end."""
    first: list[Processor] = [structlog.processors.format_exc_info, _mask]
    if as_json:
        return [*first, _order, structlog.processors.JSONRenderer(serializer=_json)]
    return [*first, _escape, _order, _indent_traceback, _console(colors=colors)]  # JSON escapes by itself


def _foreign(last: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_ours(), structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def _console(*, colors: bool) -> structlog.dev.ConsoleRenderer:
    # The pretty tracebacks print local variables, and with them secrets.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="ts", exception_formatter=plain, pad_event_to=24)


_stamp = structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts")


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Most lines hold nothing to be masked, which one look at all of their texts together shows."""
    try:
        texts = "\n".join([value for value in event.values() if type(value) not in _PLAIN])
    except TypeError:  # not all of them are text
        return masked(event)
    return masked(event) if any(map(_is_secret, event)) or masked_text(texts) != texts else event


def _json(event: EventDict, **options: Any) -> str:
    """In ASCII, so that no character can pass for another, or for the end of a line. Most lines are ASCII as they are."""
    try:
        line = msgspec.json.encode(event).decode()
    except (TypeError, ValueError, OverflowError):  # something that only the patient encoder has words for
        return json.dumps(event, **options)
    return line if line.isascii() and "\x7f" not in line else json.dumps(event, **options)


_PLAIN = (int, float, bool, type(None))


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
