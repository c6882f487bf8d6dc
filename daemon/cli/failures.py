"""How a command ends that failed: what is wrong, what to do, and an exit code for scripts."""

import os
import sys
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from daemon.errors import DaemonError, ErpError, MarketplaceUnavailable, OperatorError, RequestRefused, StoreUnavailable

BUG = 1
CONFIG = 3
NEEDS_A_PERSON = 8
AT_ONCE = 130

_CODES: tuple[tuple[type[DaemonError], int], ...] = (
    (StoreUnavailable, 4),
    (MarketplaceUnavailable, 5),
    (RequestRefused, 5),
    (ErpError, 6),
)


def code_of(error: BaseException) -> int:
    """The exit code that an error asks for."""
    if isinstance(error, OperatorError):
        return error.exit_code
    return next((code for kind, code in _CODES if isinstance(error, kind)), BUG)


def told(errors: Collection[DaemonError]) -> int:
    """Tells of errors that end nothing by themselves, of equal ones once; returns the worst exit code, 0 without any."""
    for error in {tuple(_lines(error)): error for error in errors}.values():
        tell(error)
    return max((code_of(error) for error in errors), default=0)


def tell(error: DaemonError) -> None:
    """Writes the message, every problem and the remedy to stderr."""
    print("\n".join(_lines(error)), file=sys.stderr)


def _lines(error: DaemonError) -> Iterator[str]:
    from daemon.domain.secrecy import masked_text
    from daemon.log import visible

    yield f"consentio-sync: {visible(masked_text(str(error)))}"
    yield from (f"  {visible(masked_text(problem))}" for problem in error.problems)
    if error.remedy:
        yield f"→ {visible(masked_text(error.remedy))}"


@contextmanager
def exiting() -> Iterator[None]:
    """Ends the process by what comes out of the block."""
    try:
        yield
    except DaemonError as error:
        tell(error)
        sys.exit(code_of(error))
    except Exception as error:  # noqa: BLE001  # the last door: a bug is told in one line, too
        _tell_bug(error)
        sys.exit(BUG)


def _tell_bug(error: Exception) -> None:
    from daemon.domain.secrecy import masked_text
    from daemon.log import is_debugging

    if is_debugging() or os.environ.get("CONSENTIO_SYNC__LOG__LEVEL") == "debug":
        print(masked_text("".join(traceback.format_exception(error))), file=sys.stderr)
    text = masked_text(f"{type(error).__name__}: {error}").replace("\n", " ")
    print(f"consentio-sync: a bug: {text}", file=sys.stderr)
    print(
        "→ Run it again with --log-level debug (or CONSENTIO_SYNC__LOG__LEVEL=debug), and report what that shows.",
        file=sys.stderr,
    )
