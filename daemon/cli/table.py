"""Rows for the eye on a terminal, and for programs in a pipe: there each cell is whole and a tab stands between two."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

Row = Sequence[str]

_GAP, _INDENT = "  ", "    "
#: With less than this, the last column has lines of its own: so many, and none narrower than that.
_READABLE, _LINES, _NARROWEST = 40, 3, 16


def print_table(heads: Row, rows: Sequence[Row]) -> None:
    """The last column gives way where a terminal is too narrow."""
    from daemon.log import visible

    shown = [tuple(map(visible, row)) for row in (heads, *rows)]
    lines = aligned(shown, shutil.get_terminal_size().columns) if sys.stdout.isatty() else map("\t".join, shown)
    print("\n".join(lines))


def aligned(rows: Sequence[Row], width: int) -> Iterator[str]:
    """The rows in columns as wide as their widest cells; the last one is cut to what the width leaves, or is below its row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    is_below = left < min(widths[-1], _READABLE)
    for row in rows:
        cells = [cell.ljust(size) for cell, size in zip(row[:-1], widths, strict=False)]
        yield _GAP.join(cells if is_below else [*cells, _cut(row[-1], left)]).rstrip()
        if is_below:
            yield from _wrapped(row[-1], max(width, _NARROWEST))


def _wrapped(cell: str, width: int) -> list[str]:
    return textwrap.wrap(
        cell,
        width,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_on_hyphens=False,
        max_lines=_LINES,
        placeholder=" …",
    )


def _cut(cell: str, size: int) -> str:
    return cell if len(cell) <= size else f"{cell[: size - 1]}…"
