"""Foreign text made fit for people: no control characters, no secrets, not too long."""

import re
from collections.abc import Iterable

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
#: What looks like a token is one, whoever says it.
_TOKEN = re.compile(r"eyJ[\w-]{5,}(?:\.[\w-]+)*|(?i:\bbearer\s+)[\w.~+/=-]+|\bsk_(?:live|test)_\w+")

MASK = "***"


def clean(text: str, limit: int = 300, *, secrets: Iterable[str] = ()) -> str:
    """One line of at most `limit` characters, with every secret masked."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _UNPRINTABLE.sub(" ", _TOKEN.sub(MASK, text)).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
