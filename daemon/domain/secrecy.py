"""What may neither be told nor kept: secrets that were made known by `hide`, and texts that look like one.

ERPs and libraries put passwords into their errors; every log line and every reason in the database passes here.
"""

import re

MASK = "***"

_SECRET_TEXT = re.compile(
    r"(?P<bearer>Bearer )[\w.~+/=-]+"
    r"|(?P<login>://[^\s:/@]*:)\S*@"
    r"|(?P<order>/order/)[^/\s]+(?=/prepare)",  # the order's hash needs no password beside it
)
#: One of these is in whatever the pattern matches.
_SIGNS = ("Bearer ", "://", "/order/")
#: Shorter values would mask ordinary words.
_SHORTEST_SECRET = 6

_hidden: set[str] = set()


def hide(secret: str) -> None:
    """From now on this value appears in no line, and in no reason that is stored."""
    if len(secret) >= _SHORTEST_SECRET:
        _hidden.add(secret)


def masked_text(text: str) -> str:
    """The text without any known secret, bearer token, password of a URL or order hash."""
    for secret in _hidden:
        text = text.replace(secret, MASK)
    if not any(sign in text for sign in _SIGNS):  # a tenth of the time, and almost every text is clean
        return text
    return _SECRET_TEXT.sub(lambda found: f"{found[found.lastgroup or 0]}{MASK}{'@' if found.lastgroup == 'login' else ''}", text)
