"""The page of guarantees tells the truth about where each part is tested."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
LINKS = re.findall(r"\[(test_\w+)\]\(\.\./([\w/.]+)\)", PAGE)


def functions_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_link_points_at_a_test():
    """No test that is named there has been renamed or lost."""
    lost = [f"{file}::{name}" for name, file in LINKS if not (ROOT / file).is_file() or name not in functions_of(ROOT / file)]

    assert not lost
    assert len(LINKS) > 60


@pytest.mark.parametrize("name", [*(f"A{n}" for n in range(1, 27)), *(f"R{n}" for n in range(1, 21))])
def test_each_schedule_and_regression_has_its_test(name):
    """A1 to A26 and R1 to R20 stand there once, each with a test."""
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]

    assert len(rows) == 1
    assert re.search(r"\[test_\w+\]\(\.\./tests/", rows[0])


def test_what_it_promises_is_what_the_readme_promises():
    """The promise has one wording."""
    promise = next(part for part in PAGE.split("\n\n") if part.startswith("> Every order"))
    words = " ".join(promise.replace(">", "").split())
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").replace("\n>", "\n").split())

    assert words in readme
