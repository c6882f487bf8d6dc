"""What differs between two configs, for people: each key with its old and its new value."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.config.render import Mask
from daemon.config.settings import Settings

#: What a running process cannot change: its database, and where it listens.
_AT_START = ("database.", "http.")


def changes(old: Settings, new: Settings, mask: Mask) -> dict[str, str]:
    """Each key that differs, with `old → new`; secrets are masked, those of adapters by `mask`."""
    before, after = dict(_values(old)), dict(_values(new))
    shown_before, shown_after = dict(_shown(old, mask)), dict(_shown(new, mask))
    keys = [key for key in before | after if before.get(key) != after.get(key)]
    return {key: f"{_said(shown_before, key)} → {_said(shown_after, key)}" for key in keys}


def needs_restart(key: str) -> bool:
    """Whether a changed key is in force only after a restart."""
    return key.startswith(_AT_START)


def in_force_after(old: Settings, new: Settings) -> Settings:
    """The new settings, but for what only a restart brings."""
    return new.model_copy(update={"database": old.database, "http": old.http})


def _said(shown: Mapping[str, Any], key: str) -> str:
    return str(shown[key]) if key in shown else "(none)"


def _values(settings: Settings) -> Iterator[tuple[str, Any]]:
    return _flat(settings.model_dump(exclude_none=True))


def _shown(settings: Settings, mask: Mask) -> Iterator[tuple[str, Any]]:
    values = settings.model_dump(mode="json", exclude_none=True)
    values["database"]["url"] = settings.database.shown_url
    values["erp"] = {name: dict(mask(table)) for name, table in values["erp"].items()}
    return _flat(values)


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if key == "workspaces":  # known by their ids: their order in the file means nothing
            for entry in value:
                yield from _flat({k: v for k, v in entry.items() if k != "id"}, f"workspaces[{entry['id']}].")
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
