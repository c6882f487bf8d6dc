"""`healthcheck`: asked every few seconds by a container's engine, so it reads next to nothing, and imports as little."""

import sys
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import ConfigFile

if TYPE_CHECKING:
    from daemon.config.sources import Source

_TIMEOUT_S = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # what is listened to, not where we listen


def healthcheck(
    config: ConfigFile = None,
    ready: Annotated[bool, typer.Option("--ready", help="Ask whether orders flow, not only whether the daemon lives.")] = False,
) -> None:
    """Ask the running daemon for its health.

    Exit codes: 0 well, 1 not, as containers expect.
    """
    from daemon.config.sources import config_file, read_source
    from daemon.errors import DaemonError
    from daemon.service.whereabouts import found

    path, where = "/readyz" if ready else "/healthz", ""
    try:
        host, port = _reachable(*(found(config_file(config)) or _configured(read_source(config))))
        where = f" at {host}:{port}"
        status, body = _get(host, port, path)
    except (DaemonError, OSError, HTTPException, ValueError) as error:
        _fail(f"{path} does not answer{where}: {_reason(error)}")
    if status != 200:
        _fail(f"{path} says {status}: {body}")


def _configured(source: "Source") -> tuple[str, int]:
    host, port = (str(_key(source, key, default)) for key, default in (("host", "127.0.0.1"), ("port", 8080)))
    return host, int(port)


def _reachable(host: str, port: int) -> tuple[str, int]:
    return _EVERYWHERE.get(host, host), port


def _reason(error: Exception) -> str:
    """In words, without the number that the system gives it."""
    return getattr(error, "strerror", None) or str(error)


def _get(host: str, port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(10_000).decode(errors="replace").strip()
    finally:
        connection.close()


def _key(source: "Source", key: str, default: object) -> object:
    name = source.variable(("http", key))
    return source.variables[name] if name else source.tree.get("http", {}).get(key, default)


def _fail(reason: str) -> None:
    print(reason, file=sys.stderr)
    raise typer.Exit(1)
