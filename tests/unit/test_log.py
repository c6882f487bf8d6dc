"""The log: one line an event, for machines or for the eye; no secret, no forged line."""

import io
import json
import logging
import warnings

import pytest
import structlog

from daemon import log
from daemon.domain import secrecy
from daemon.domain.secrecy import hide


@pytest.fixture
def out():
    """A stream; the loggers are given back as they were."""
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = kept
    logging.captureWarnings(False)
    structlog.reset_defaults()
    secrecy._hidden.clear()


def lines(out: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_one_json_object_that_begins_with_time_level_and_event(out):
    """What a log collector sorts by stands first."""
    log.configure(form="json", stream=out)

    structlog.get_logger().info("order.created", order_id="5001", workspace="123")

    (line,) = lines(out)
    assert list(line)[:4] == ["ts", "level", "event", "workspace"]
    assert line["event"] == "order.created"
    assert line["order_id"] == "5001"
    assert line["ts"].endswith("Z")


def test_the_loggers_of_libraries_write_the_same_lines(out):
    """aiohttp, asyncio and Python's warnings end in the same stream and form."""
    log.configure(form="json", stream=out)

    logging.getLogger("aiohttp.server").error("broken %s", "pipe\nline")
    logging.getLogger("asyncio").error("lost", exc_info=ValueError("x"))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", stacklevel=1)

    told = lines(out)
    assert [line["logger"] for line in told] == ["aiohttp.server", "asyncio", "py.warnings"]
    assert told[0]["event"] == "broken pipe\nline"
    assert "ValueError: x" in told[1]["exception"]


def test_the_chatter_of_libraries_is_left_out(out):
    """Nobody tails a line for each run of the scheduler and each health request."""
    log.configure(form="json", level="info", stream=out)

    for name in ("apscheduler.scheduler", "aiohttp.access", "alembic.runtime.migration", "sqlalchemy.engine"):
        logging.getLogger(name).info("chatter")
    logging.getLogger("apscheduler.executors.default").warning("run missed")

    assert out.getvalue() == ""


def test_a_level_hides_what_is_below(out):
    """At info, a debug line is not written."""
    log.configure(form="json", level="info", stream=out)

    structlog.get_logger().debug("cycle.done")

    assert out.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_passes(out, form):
    """Known values, fields with a secret's name, tokens, passwords in addresses and order hashes are masked, however deep."""
    log.configure(form=form, stream=out)
    hide("sk_live_SECRET-1")

    try:
        raise ValueError("key sk_live_SECRET-1 refused")
    except ValueError:
        structlog.get_logger().exception(
            "api.refused",
            api_key="SECRET-2",
            hash_id="SECRET-3",
            deep={"list": [{"password": "SECRET-4"}, "sk_live_SECRET-1"]},
            header="Bearer SECRET-5.abc",
            url="postgresql://user:SECRET-6@host/db",
            path="/v2/order/SECRET-7/prepare",
            error=ValueError("sk_live_SECRET-1"),
        )

    assert "SECRET" not in out.getvalue()
    assert "***" in out.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_foreign_text_cannot_forge_a_line(out, form):
    """Whatever an order's note or an exception says, each line begins as one of ours."""
    log.configure(form=form, stream=out)
    forged = "x\n2026-01-01T00:00:00Z [info     ] order.created\r\x1b[2K\u2028\x85"

    structlog.get_logger().info(forged, note=forged, **{"na\nme": 1}, many=[forged])
    try:
        raise ValueError(forged)
    except ValueError:
        structlog.get_logger().exception("cycle.failed")

    text = out.getvalue()
    assert not any(line.startswith("2026-01-01") for line in text.split("\n"))
    assert not any(sign in text for sign in "\r\x1b\u2028\x85")


def test_a_lone_surrogate_is_written(out):
    """Text that no encoding can write does not break the line."""
    for form in ("json", "console"):
        log.configure(form=form, stream=out)
        structlog.get_logger().info("order.met", note="\ud800")

    assert out.getvalue().encode().count(b"ud800") == 2


def test_auto_is_json_where_nobody_looks(out):
    """Only a terminal gets lines for the eye."""
    log.configure(form="auto", stream=out)

    structlog.get_logger().info("daemon.started")

    assert lines(out)[0]["event"] == "daemon.started"


def test_short_words_are_not_secrets(out):
    """A key of three letters would mask half of the log."""
    log.configure(form="json", stream=out)
    hide("ord")

    structlog.get_logger().info("order.created")

    assert lines(out)[0]["event"] == "order.created"
