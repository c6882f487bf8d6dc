"""The config written down: the commented example, and what is in force."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tomlkit
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from daemon.config.ends import Consentio, Database, Http, Wire, Workspace
from daemon.config.load import Loaded
from daemon.config.sources import Key
from daemon.config.tuning import Amounts, Brakes, Delivery, Log, News, Retention, Service, Sync
from daemon.erp.files.settings import FilesSettings

_COLUMN = 47
_HEAD = """\
# Consentio Sync. Every key is here with its default; only [[workspaces]] and [erp.default] must be filled in.
# An environment variable overrides a key: CONSENTIO_SYNC__SYNC__POLL_INTERVAL=30s, CONSENTIO_SYNC__WORKSPACES__0__ID=123.
# Durations are written "500ms", "30s", "10m", "6h" or "1d".
"""
_ERP = f"""\
[erp.default]
{'adapter = "files"':<{_COLUMN}} # `consentio-sync check` names the adapters that are installed
"""


def example() -> str:
    """The commented config that `config init` writes; a test keeps it equal to the models' defaults."""
    parts = [
        _HEAD,
        _table("consentio", Consentio),
        _table("consentio.wire", Wire),
        "[[workspaces]]\n" + _workspace(),
        *(
            _table(name, model)
            for name, model in (
                ("sync", Sync),
                ("delivery", Delivery),
                ("brakes", Brakes),
                ("amounts", Amounts),
                ("news", News),
                ("database", Database),
                ("retention", Retention),
            )
        ),
        _ERP + _files(),
        *(_table(name, model) for name, model in (("service", Service), ("http", Http), ("log", Log))),
    ]
    return "\n".join(parts)


def _table(name: str, model: type[BaseModel]) -> str:
    defaults = _plain(model())
    return f"[{name}]\n" + "".join(_line(key, info, defaults[key]) for key, info in model.model_fields.items() if key != "wire")


def _files() -> str:
    """The adapter that ships with the daemon: only its folder must be named, so the rest is shown as comments."""
    fields = FilesSettings.model_fields
    folder = _line("folder", fields["folder"], (fields["folder"].examples or [""])[0])
    return folder + "".join(_line(f"# {key}", info, info.default) for key, info in fields.items() if key != "folder")


def _workspace() -> str:
    """An entry has no defaults of its own: its examples stand for them, the first kind of key in force."""
    fields = Workspace.model_fields
    shown = {"id": 123, "api_key_file": fields["api_key_file"].examples, "erp": "default"}
    shown["api_key_file"] = (fields["api_key_file"].examples or [""])[0]
    return "".join(_line(key, info, shown.get(key)) for key, info in fields.items())


def _line(key: str, info: FieldInfo, value: object) -> str:
    sign = ""
    if value is None:
        sign, value = "# ", (info.examples or [""])[0]
    written = f"{sign}{key} = {toml_of(value)}"
    return f"{written:<{_COLUMN}} # {info.description}\n"


def toml_of(value: object) -> str:
    """A value as it is written behind its key; a table in one line."""
    if not isinstance(value, Mapping):
        return tomlkit.item(value).as_string()
    table = tomlkit.inline_table()
    table.update(value)
    return table.as_string()


def _plain(model: BaseModel) -> dict[str, Any]:
    values = model.model_dump(mode="json")
    return values | {"url": model.shown_url} if isinstance(model, Database) else values


Mask = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def in_force(loaded: Loaded, mask: Mask) -> dict[str, Any]:
    """Every setting with its value in force; secrets are masked, those of adapters by `mask`."""
    values = loaded.settings.model_dump(mode="json", exclude_none=True)
    values["database"]["url"] = loaded.settings.database.shown_url
    values["erp"] = {name: dict(mask(table)) for name, table in values["erp"].items()}
    return values


def in_force_text(loaded: Loaded, mask: Mask) -> str:
    """The same as TOML, each value with the place that it comes from."""
    return "\n".join(_blocks(in_force(loaded, mask), (), loaded)).lstrip("\n")


def _blocks(table: Mapping[str, Any], key: Key, loaded: Loaded) -> Iterable[str]:
    for name, value in table.items():
        if not _is_table(value):
            written = f"{tomlkit.key(name).as_string()} = {tomlkit.item(value).as_string()}"
            yield f"{written:<{_COLUMN}} # {_origin((*key, name), loaded)}"
    for name, value in table.items():
        if isinstance(value, Mapping):
            if not all(_is_table(entry) for entry in value.values()):
                yield from ("", f"[{_header((*key, name))}]")
            yield from _blocks(value, (*key, name), loaded)
        elif _is_table(value):
            for number, entry in enumerate(value):
                yield from ("", f"[[{_header((*key, name))}]]")
                yield from _blocks(entry, (*key, name, number), loaded)


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value))


def _header(key: Key) -> str:
    return ".".join(tomlkit.key(part).as_string() for part in key if isinstance(part, str))


def _origin(key: Key, loaded: Loaded) -> str:
    if name := loaded.source.variable(key):
        return name
    node: Any = loaded.source.tree
    for part in key:
        try:
            node = node[part]
        except (LookupError, TypeError):
            return "default"
    return loaded.source.where(key)
