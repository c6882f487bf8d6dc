"""What commands do before their work: read the config, check what adapters say to it, start the log."""

import ctypes
import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from structlog import get_logger

from daemon.config.load import Loaded, checked, erp_tables, refusal
from daemon.config.settings import Settings
from daemon.config.sources import Source, read_source
from daemon.domain.secrecy import hide
from daemon.errors import AdapterBroken, AdapterError, ConfigError
from daemon.log import configure

#: The name of an option of mallopt(3): how many arenas there may be.
_M_ARENA_MAX = -8


def load_all(config: Path | None, *, log_level: str | None = None, logs: IO[str] | None = None) -> Loaded:
    """The settings, checked by the adapters too; from here on the log is on (on `logs`, stderr unless given).

    ConfigError and AdapterError tell all that is wrong.
    """
    loaded = _load(config)
    tune_log(loaded.settings, log_level=log_level, logs=logs)
    _check(loaded)
    return loaded


def spare_the_memory() -> None:
    """Before the work begins: what was imported stays for good, and orders come and go by the hundred, hardly ever in circles.

    Else a tenth of a backlog's time goes into looking for garbage among them, and each thread keeps some MiB for itself that
    only it can use again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # of glibc
        libc.mallopt(_M_ARENA_MAX, 1)


def read_again(config: Path | None) -> Loaded:
    """The settings as they are now, checked by the adapters too; the log stays as it is.

    ConfigError and AdapterError tell all that is wrong.
    """
    loaded = _load(config)
    _check(loaded)
    return loaded


def tune_log(settings: Settings, *, log_level: str | None = None, logs: IO[str] | None = None) -> None:
    """Logs as the settings say, at `log_level` if that is given."""
    configure(form=settings.log.format, level=_level(log_level) or settings.log.level, stream=logs or sys.stderr)


def _check(loaded: Loaded) -> None:
    _hide_secrets(loaded)
    _check_adapters(loaded)


def _load(config: Path | None) -> Loaded:
    """Where the config is refused, the adapters tell what they would refuse, too."""
    source = read_source(config)
    try:
        return checked(source)
    except ConfigError as error:
        problems = [problem for name, table in erp_tables(source).items() for problem in _problems_of(name, table, source)]
        raise refusal(source, [*error.problems, *problems]) from None


def _problems_of(name: str, table: Mapping[str, Any], source: Source) -> Iterator[str]:
    """An adapter that is missing, or not named, is told when the rest is right."""
    from daemon.erp.loader import settings_of

    with suppress(AdapterError):
        try:
            settings_of(str(table.get("adapter")), table)
        except ConfigError as error:
            yield from (_placed(problem, name, source) for problem in error.problems)


def warn(loaded: Loaded) -> None:
    """Logs what is allowed in the config, but should not stay so."""
    for warning in loaded.warnings():
        get_logger().warning("config.warned", reason=warning)


def _level(level: str | None) -> str | None:
    levels = ("debug", "info", "warning", "error")
    if level is not None and level not in levels:
        from typer import BadParameter

        raise BadParameter(f"must be one of {', '.join(levels)}", param_hint="--log-level")
    return level


def _hide_secrets(loaded: Loaded) -> None:
    for password in _database_passwords(loaded.settings.database.url.get_secret_value()):
        hide(password)
    for workspace in loaded.settings.workspaces:
        if workspace.api_key is not None:
            hide(workspace.api_key.get_secret_value())


def _database_passwords(url: str) -> Iterator[str]:
    """As the URL spells them, and as the server knows them."""
    parts = urlsplit(url)
    yield from parse_qs(parts.query).get("password", [])
    if parts.password:
        yield from (parts.password, unquote(parts.password))


def _check_adapters(loaded: Loaded) -> None:
    from daemon.erp.loader import adapter_class, settings_of

    problems: list[str] = []
    broken: list[AdapterBroken] = []
    names = dict.fromkeys(workspace.erp for workspace in loaded.settings.workspaces)
    for name in names:
        erp = loaded.settings.erp[name]
        try:
            _hide_from_table(adapter_class(erp.adapter).Settings, erp.table)
            settings_of(erp.adapter, erp.table)
        except ConfigError as error:
            problems += [_placed(problem, name, loaded.source) for problem in error.problems]
        except AdapterBroken as error:
            broken.append(error)
    if problems:
        raise refusal(loaded.source, problems)
    if len(broken) == len(names):  # else the others work, and each command tells of it where it meets that workspace
        raise broken[0]


def _hide_from_table(model: Any, table: Mapping[str, Any]) -> None:
    """An adapter's secrets are those that its model calls so, be the rest of its table right or not."""
    for name, info in model.model_fields.items():
        kinds = {info.annotation, *get_args(info.annotation)}
        if any(hasattr(kind, "get_secret_value") for kind in kinds) and name in table:
            hide(str(table[name]))


def _placed(problem: str, erp: str, source: Source) -> str:
    key = problem.partition(":")[0]
    return f"{source.where(('erp', erp, *key.split('.')))}: erp.{erp}.{problem}"


def as_config_error(error: AdapterError) -> ConfigError:
    """For `run`, which ends by itself only for what no waiting mends: an adapter that is not installed is a wrong config."""
    return ConfigError(str(error), remedy=error.remedy, problems=error.problems)
