"""`demo`: a small market, the daemon and an ERP on this machine for a minute, with an outage and a kill in the middle."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

Keep = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Leave config, database and inbox here.", show_default=False)]


def demo(
    fast: Annotated[bool, typer.Option("--fast", help="About twenty seconds instead of a minute.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed brings the same market.")] = 58,
    keep: Keep = None,
) -> None:
    """Watch orders travel through an outage and a kill -9.

    From an imitated Consentio into a folder, on this machine.

    Exit codes: 0 both sides hold the same in the end, 1 they do not.
    """
    from daemon.cli.demo.play import FAST, USUAL, Play

    with _folder(keep) as folder:
        balances = Play(folder, script=FAST if fast else USUAL, seed=seed).perform()
    raise typer.Exit(0 if balances else 1)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="consentio-demo-") as name:
            yield Path(name)
        return
    _check_empty(keep)
    yield keep.resolve()
    print(f"All of it is in {keep}. An order's story: consentio-sync explain ORDER --config {keep / 'config.toml'}")


def _check_empty(folder: Path) -> None:
    from daemon.errors import ConfigError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"{folder} cannot be used: {error.strerror}", remedy="Name a folder that you may write.") from None
    if not is_empty:
        raise ConfigError(f"{folder} is not empty", remedy="Name a new folder with --keep.")
