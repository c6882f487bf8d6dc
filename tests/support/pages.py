"""The examples on the project's pages: each says, in a comment above it, how it is tried, or why it cannot be."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r"^(?:<!-- (?P<how>[a-z ]+)(?:: (?P<why>[^\n]*?))? -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Example:
    """One fenced block. `how` is the word above it (`run`, `load`, `not run`), `why` what follows the word."""

    page: str
    line: int
    kind: str
    how: str
    why: str
    text: str

    @property
    def commands(self) -> list[str]:
        """A block of commands, one each; a backslash goes on in the next line."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.split("#")[0].strip()]


def pages() -> list[Path]:
    """Every page of the project."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])


def examples(page: Path) -> list[Example]:
    """The fenced blocks of a page, in order; those without a language are pictures."""
    text = page.read_text()
    return [
        Example(
            str(page.relative_to(ROOT)),
            text.count("\n", 0, found.start()) + 1,
            found["kind"],
            found["how"] or "",
            found["why"] or "",
            found["text"],
        )
        for found in _FENCE.finditer(text)
        if found["kind"]
    ]
