"""`adapters`: which ERPs this installation can speak to, and what each wants to be told."""

import json
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.options import AsJson, ConfigFile

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

_HEADS = ("KEY", "TYPE", "DEFAULT", "MEANING")
_WORDS: Mapping[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    Decimal: "number",
    timedelta: "duration",
    dict: "table",
    type(None): "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of an adapter's table in the config."""

    key: str
    type: str
    default: str
    meaning: str
    is_required: bool
    is_secret: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One installed adapter; with an error if it cannot be used."""

    name: str
    package: str
    used_by: Sequence[str]
    meaning: str = ""
    settings: Sequence[Setting] = ()
    error: str = ""


def adapters(
    name: Annotated[str | None, typer.Argument(help="Only this adapter.", metavar="NAME", show_default=False)] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the installed ERP adapters, and the settings of each.

    The settings stand in the adapter's table, `[erp.NAME]`, beside `adapter = "..."`. Exit code 6: one that was named, or that
    the config uses, is not installed or cannot be used.
    """
    from daemon.cli.contents import plain
    from daemon.erp.loader import adapter_class, installed

    uses = _uses(config)
    if name is not None:
        adapter_class(name)
    found = [_described(each, uses.get(each, ())) for each in installed() if name in (None, each)]
    if as_json:
        print(json.dumps([plain(adapter) for adapter in found], indent=2))
    else:
        for adapter in found:
            _show(adapter)
    for each in uses:
        adapter_class(each)


def _uses(config: ConfigFile) -> dict[str, list[str]]:
    """The tables of the config that name each adapter; a config that is not there names none."""
    from daemon.config.load import erp_tables
    from daemon.config.sources import read_source
    from daemon.errors import ConfigError

    uses: dict[str, list[str]] = {}
    try:
        tables = erp_tables(read_source(config))
    except ConfigError:
        if config is not None:
            raise
        return uses
    for table, values in tables.items():
        uses.setdefault(str(values.get("adapter")), []).append(f"erp.{table}")
    return uses


def _described(name: str, used_by: Sequence[str]) -> Adapter:
    from daemon.erp.loader import adapter_class
    from daemon.errors import AdapterError

    package = _package(name)
    try:
        adapter = adapter_class(name)
    except AdapterError as error:
        return Adapter(name=name, package=package, used_by=used_by, error=f"{error} → {error.remedy}")
    meaning = (adapter.__doc__ or "").strip().partition("\n")[0]
    return Adapter(
        name=name, package=package, used_by=used_by, meaning=meaning, settings=list(settings_of_model(adapter.Settings))
    )


def _package(name: str) -> str:
    """The distribution that brings it, and its version."""
    points = entry_points(group="daemon.erp", name=name)
    return next((f"{point.dist.name} {point.dist.version}" for point in points if point.dist), "of no package")


def settings_of_model(model: "type[BaseModel]", prefix: str = "") -> Iterator[Setting]:
    """Every key, those of tables within it too."""
    for name, info in model.model_fields.items():
        key = f"{prefix}{info.alias or name}"
        inner = _inner(info.annotation)
        if inner is not None:
            yield from settings_of_model(inner, f"{key}.")
            continue
        yield Setting(
            key=key,
            type=type_words(info.annotation),
            default=_default(info),
            meaning=info.description or "",
            is_required=info.is_required(),
            is_secret="Secret" in str(info.annotation),
        )


def _inner(annotation: Any) -> "type[BaseModel] | None":
    from pydantic import BaseModel

    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def type_words(annotation: Any) -> str:
    """A type as somebody calls it who writes a config file."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return "one of " + ", ".join(map(json.dumps, inner))
    if origin is Annotated:
        return type_words(inner[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(words for each in inner if (words := type_words(each)))
    if origin in (list, tuple, set, frozenset):
        return f"list of {type_words(inner[0])}"
    if origin is dict:
        return f"table of {type_words(inner[-1])}"
    return _plain_words(annotation)


def _plain_words(kind: Any) -> str:
    if "Secret" in str(kind):
        return "text"
    if isinstance(kind, type) and issubclass(kind, PurePath):
        return "path"
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)).lower())


def _default(info: "FieldInfo") -> str:
    """As it is written in the file; empty where there is none. A secret's is never shown."""
    if info.is_required() or "Secret" in str(info.annotation):
        return ""
    value = info.get_default(call_default_factory=True, validated_data={})
    return "" if value is None else json.dumps(value, default=str, ensure_ascii=False)


def _show(adapter: Adapter) -> None:
    from daemon.cli.table import print_table
    from daemon.log import visible

    used = f", used by {', '.join(adapter.used_by)}" if adapter.used_by else ""
    print(visible(f"{adapter.name} ({adapter.package}{used})" + (f": {adapter.meaning}" if adapter.meaning else "")))
    if adapter.error:
        print(visible(f"  cannot be used: {adapter.error}"))
    elif adapter.settings:
        print_table(_HEADS, [_cells(setting) for setting in adapter.settings])
    print()


def _cells(setting: Setting) -> tuple[str, ...]:
    kind = f"{setting.type}, secret" if setting.is_secret else setting.type
    return setting.key, kind, "required" if setting.is_required else setting.default, setting.meaning
