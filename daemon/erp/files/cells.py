r"""One cell of a CSV document: safe to open in a spreadsheet, and told back exactly.

A text is written so, and only a text; numbers, moments, true and false stand as they are, a negative number too:

    1  a backslash is doubled, and a character that is no letter of a line is written out: \n, \r, \t, \xNN, \uNNNN, \UNNNNNNNN
    2  =, +, - and @ are written out where they follow a comma, semicolon or bar, which another reader may take for a separator
    3  a text that begins with =, +, -, @ (or their wide forms), after blanks or quotes too, or with ', is given one ' in front
    4  what the encoding cannot say is written out as in 1, so that nothing is lost and no order is held up by a letter

Back again: drop one leading ', then read the backslashes. The characters of 3 are those that OWASP names for "CSV injection"
(https://owasp.org/www-community/attacks/CSV_Injection); its tab and carriage return never come here, by 1.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

from daemon.domain.content import number_text

#: Texts in which there is nothing to make safe, and that is most of them.
_PLAIN = re.compile(r"\w[\w .]*")
_FORMULA = "=+@\uff1d\uff0b\uff0d\uff20-"
_ODD = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_AFTER_SEPARATOR = re.compile(f'([,;|]"*)([{_FORMULA}])')
_BEGINS_FORMULA = re.compile(f"'|[\"\\s]*[{_FORMULA}]")
_WRITTEN_OUT = re.compile(r"\\(\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_SHORT = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def cell(value: object, decimal_mark: str) -> str:
    """Any value of a document as a cell; absent is empty."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return number_text(value).replace(".", decimal_mark)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return text_cell(str(value))


def text_cell(text: str) -> str:
    """A text as the module's rules 1 to 3 have it."""
    if _PLAIN.fullmatch(text):
        return text
    plain = _ODD.sub(lambda odd: _written_out(odd[0]), text)
    plain = _AFTER_SEPARATOR.sub(lambda found: found[1] + _written_out(found[2]), plain)
    return f"'{plain}" if _BEGINS_FORMULA.match(plain) else plain


def restored(cell_text: str) -> str:
    """The text that was written as this cell."""
    return _WRITTEN_OUT.sub(lambda found: _read(found[1]), cell_text.removeprefix("'"))


def _written_out(character: str) -> str:
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def _read(code: str) -> str:
    return {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}.get(code) or chr(int(code[1:], 16))
