"""Finds an ERP adapter by the word used in the config: its name under the entry-point group `daemon.erp`."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel, ValidationError

from daemon.errors import AdapterBroken, AdapterError, ConfigError
from daemon.ports import ErpAdapter

GROUP = "daemon.erp"
CONTRACT = 1


def installed() -> list[str]:
    """The names of all adapters that are installed, importing none of them."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def adapter_class(name: str) -> type[ErpAdapter]:
    """The adapter of this name, imported on first use. Raises `AdapterError` if there is none, `AdapterBroken` if it fails."""
    adapter = _load(_entry_point(name))
    contract = getattr(adapter, "contract", None)
    if contract != CONTRACT:
        remedy = "Install a version of the adapter made for this daemon, or a daemon made for it."
        raise AdapterBroken(
            f"ERP adapter '{name}' speaks contract version {contract}; this daemon speaks {CONTRACT}", remedy=remedy
        )
    if not _is_model(getattr(adapter, "Settings", None)) or not hasattr(adapter, "capabilities"):
        remedy = "Tell the adapter's author: daemon/ports/erp.py says what an adapter must have."
        raise AdapterBroken(f"ERP adapter '{name}' lacks its `Settings` (a pydantic model) or its `capabilities`", remedy=remedy)
    return adapter  # type: ignore[no-any-return]  # the exam in daemon.testing proves the rest


def settings_of(name: str, table: Mapping[str, Any]) -> Any:
    """The adapter's own settings out of its config table, apart from the word `adapter`.

    Raises `ConfigError` with every problem at once, none of which repeats a value: a misspelt key may hold a secret.
    """
    model: type[BaseModel] = adapter_class(name).Settings
    try:
        return model.model_validate({key: value for key, value in table.items() if key != "adapter"})
    except ValidationError as invalid:
        problems = [
            _problem(error, model) for error in invalid.errors(include_input=False, include_url=False, include_context=False)
        ]
    raise ConfigError(f"the settings of ERP adapter '{name}' cannot be used", problems=problems)


def _entry_point(name: str) -> EntryPoint:
    points = entry_points(group=GROUP, name=name)
    values = sorted({point.value for point in points})
    if not values:
        remedy = f"Installed are: {', '.join(installed()) or 'none'}. Correct the name, or install the package that brings it."
        raise AdapterError(f"no ERP adapter is called '{name}'", remedy=remedy)
    if len(values) > 1:
        raise AdapterError(
            f"ERP adapter '{name}' is there twice: {', '.join(values)}", remedy="Uninstall one of the two packages."
        )
    return next(iter(points))


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as problem:  # a plug-in may fail in any way while it is imported
        remedy = "Install what it needs, or a version that fits this Python and this daemon."
        raise AdapterBroken(
            f"ERP adapter '{point.name}' ({point.value}) cannot be imported: {type(problem).__name__}: {problem}", remedy=remedy
        ) from problem


def _is_model(settings: object) -> bool:
    return isinstance(settings, type) and issubclass(settings, BaseModel)


def _problem(error: Any, model: type[BaseModel]) -> str:
    key = ".".join(map(str, error["loc"])) or "(the table)"
    if error["type"] != "extra_forbidden":
        return f"{key}: {error['msg']}"
    near = get_close_matches(str(error["loc"][-1]), list(model.model_fields), n=1)
    return f"{key}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
