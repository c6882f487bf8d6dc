"""What each kind of fault makes of an answer."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from http import HTTPStatus

from daemon.sandbox.faults import Fault
from daemon.sandbox.partner import Answer, refusal

_PROXY_PAGE = b"<!doctype html><title>Sign in to the wireless network</title><h1>Welcome, guest</h1>"
_PHRASES = {known.value: known.phrase for known in HTTPStatus}


def struck(fault: Fault, work: Callable[[], Answer]) -> Answer | None:
    """The answer as the fault leaves it, None if nothing is sent; `work` is only called by faults that let it be."""
    if fault.status is not None:
        return _failure(fault, fault.status)
    if fault.kind in _INSTEAD:
        return _INSTEAD[fault.kind](fault)
    return _AFTERWARDS.get(fault.kind, _unharmed)(work())


def _failure(fault: Fault, status: int) -> Answer:
    answer = refusal(status, _PHRASES.get(status, "something went wrong"))
    if fault.retry_after is None:
        return answer
    told = fault.retry_after if isinstance(fault.retry_after, str) else f"{fault.retry_after:g}"
    return replace(answer, headers={"Retry-After": told})


def _nothing(_: Fault | Answer) -> None:
    return None


def _unharmed(answer: Answer) -> Answer:
    return answer


def _garbage(_: Fault) -> Answer:
    return Answer(200, _PROXY_PAGE, {"Content-Type": "text/html"})


def _redirect(fault: Fault) -> Answer:
    return Answer(302, b"", {"Location": fault.location})


@cache
def _bomb() -> bytes:
    return gzip.compress(b"[" + b" " * (64 * 2**20) + b"]", compresslevel=9)


def _gzip_bomb(_: Fault) -> Answer:
    return Answer(200, _bomb(), {"Content-Encoding": "gzip"})


def _broken_json(answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def _repeated(answer: Answer) -> Answer:
    if not answer.body.startswith(b"[{"):
        return answer
    return replace(answer, body=answer.body[:-1] + b"," + answer.body[1:])


_INSTEAD: dict[str, Callable[[Fault], Answer | None]] = {
    "reset": _nothing,
    "hang": _nothing,
    "garbage": _garbage,
    "gzip_bomb": _gzip_bomb,
    "redirect": _redirect,
}
_AFTERWARDS: dict[str, Callable[[Answer], Answer | None]] = {
    "lost_answer": _nothing,
    "broken_json": _broken_json,
    "repeated": _repeated,
}
