"""Writes what the pages take from the code: `make docs`, or with --check only says if it is current."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from daemon.config.render import toml_of
from daemon.config.settings import Settings
from daemon.erp.files.reply import Reply
from daemon.erp.tryton.settings import TrytonSettings
from daemon.testing.exam import QUESTIONS
from daemon.testing.exam.sitting import GIVEN

DOCS = Path(__file__).parent
ADAPTERS = DOCS / "adapters.md"
REPLY_SCHEMA = DOCS / "reply.schema.json"
#: Each page with the word between whose marks its table stands, and the model that the table tells of.
TABLES: tuple[tuple[Path, str, type[BaseModel]], ...] = (
    (DOCS.parent / "README.md", "config", Settings),
    (DOCS / "tryton.md", "settings", TrytonSettings),
)


def with_table(page: str, word: str, model: type[BaseModel]) -> str:
    """The page with its table as the code has it."""
    return between(page, word, table_of(model))


def between(page: str, word: str, text: str) -> str:
    """The page with this text between the two marks of a word."""
    marked = re.compile(rf"(?<=<!-- {word} -->\n).*?(?=<!-- /{word} -->)", re.DOTALL)
    return marked.sub(lambda _: text, page)


def questions() -> str:
    """What the exam of adapters waives without each hand and each capability."""
    needs: dict[str, list[str]] = {}
    for asked in QUESTIONS.values():
        words = asked.name.removeprefix("test_").replace("_", " ")
        for need in (*(GIVEN[name][0] for name in asked.given), *(f"no hand `{hand}`" for hand in asked.hands)):
            needs.setdefault(need, []).append(words)
    rows = (f"| {need} | {'; '.join(names)} |\n" for need, names in sorted(needs.items()))
    return "| where | these questions are waived |\n| --- | --- |\n" + "".join(rows)


def table_of(model: type[BaseModel]) -> str:
    """Every key, its default and its meaning, in the order of the models."""
    head = "| key | default | meaning |\n| --- | --- | --- |\n"
    return head + "".join(f"| `{key}` | {default} | {meaning} |\n" for key, default, meaning in _rows("", model))


def _rows(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    for name, info in model.model_fields.items():
        key = f"{prefix}{name}"
        if table := _table(info):
            yield from _rows(f"{key}.", table)
        elif key == "workspaces":
            yield from _rows("workspaces[].", get_args(info.annotation)[0])
        elif key == "erp":
            yield (
                "erp.NAME.adapter",
                "",
                "the adapter's name; the rest of the table is its own: `consentio-sync adapters` tells it",
            )
        else:
            yield key, _default(model, name, info), (info.description or "").replace("|", "\\|")


def _table(info: FieldInfo) -> type[BaseModel] | None:
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _default(model: type[BaseModel], name: str, info: FieldInfo) -> str:
    """As it is written in the file; empty where there is none."""
    if info.default is None or info.default is PydanticUndefined:
        return ""
    value: Any = model.model_construct().model_dump(mode="json", include={name}, warnings=False)[name]
    if hasattr(info.default, "get_secret_value"):
        value = info.default.get_secret_value()
    return f"`{toml_of(value)}`"


def reply_schema() -> str:
    """The JSON Schema of a reply to the `files` adapter."""
    return json.dumps(Reply.model_json_schema(), indent=2) + "\n"


def main() -> int:
    """Exit code 1 where `--check` finds a page out of date."""
    made = {page: with_table(page.read_text(), word, model) for page, word, model in TABLES}
    made |= {REPLY_SCHEMA: reply_schema(), ADAPTERS: between(ADAPTERS.read_text(), "questions", questions())}
    if "--check" in sys.argv:
        return int(any(page.read_text() != text for page, text in made.items()))
    for page, text in made.items():
        page.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
