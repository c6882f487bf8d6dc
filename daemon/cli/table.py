"""Rows for the eye on a terminal, and for programs in a pipe: there each cell is whole and a tab stands between two."""

import shutil
import sys
from collections.abc import Iterator, Sequence

Row = Sequence[str]

_GAP = "  "
#: A column is cut to no less than this.
_NARROWEST = 12


def print_table(heads: Row, rows: Sequence[Row]) -> None:
    """The last column gives way where a terminal is too narrow."""
    from daemon.log import visible

    shown = [tuple(map(visible, row)) for row in (heads, *rows)]
    lines = aligned(shown, shutil.get_terminal_size().columns) if sys.stdout.isatty() else map("\t".join, shown)
    print("\n".join(lines))


def aligned(rows: Sequence[Row], width: int) -> Iterator[str]:
    """The rows in columns as wide as their widest cells; the last one is cut to what the width leaves."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = max(width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1), _NARROWEST)
    for row in rows:
        cells = [*(cell.ljust(size) for cell, size in zip(row[:-1], widths, strict=False)), _cut(row[-1], left)]
        yield _GAP.join(cells).rstrip()


def _cut(cell: str, size: int) -> str:
    return cell if len(cell) <= size else f"{cell[: size - 1]}…"
