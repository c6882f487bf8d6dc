"""`config`: what is in force, whether it is right, and a file to begin with."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.options import AsJson, ConfigFile

app = typer.Typer(
    help="Show, check or begin the config file.", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.command(epilog="Example: consentio-sync config show")
def show(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print every setting in force, without secrets.

    And where each comes from. Secrets are masked.
    """
    import json

    from daemon.cli.starting import load_all
    from daemon.config.load import load
    from daemon.config.render import in_force, in_force_text
    from daemon.errors import AdapterError, ConfigError
    from daemon.log import masked

    with suppress(AdapterError, ConfigError):  # the adapters know which of their keys are secrets; `check` tells their problems
        load_all(config)
    loaded = load(config)
    print(json.dumps(in_force(loaded, masked), indent=2) if as_json else in_force_text(loaded, masked))


@app.command(epilog="Example: consentio-sync config init")
def init(
    file: Annotated[Path, typer.Argument(help="Where to write; - prints.")] = Path("config.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented config file with every key and its default."""
    from daemon.config.render import example

    if str(file) == "-":
        print(example(), end="")
        return
    _write(file, example(), force=force)
    print(f"Wrote {file}. Fill in [[workspaces]] and [erp.default], then try `consentio-sync check`.")


def _write(file: Path, text: str, *, force: bool) -> None:
    from daemon.errors import ConfigError

    try:
        with file.open("w" if force else "x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ConfigError(f"{file} is there already", remedy="Name another file, or replace it with --force.") from None
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be written: {error.strerror}", remedy="Name a file in a folder you may write."
        ) from None


@app.command(epilog="Example: consentio-sync config check --config /etc/consentio-sync.toml")
def check(config: ConfigFile = None) -> None:
    """Say whether the config is right.

    Adapter settings included; nobody is called.
    """
    from daemon.cli.starting import load_all

    loaded = load_all(config)
    for warning in loaded.warnings():
        print(f"warning: {warning}")
    print(f"OK {loaded.source.file}: {len(loaded.settings.workspaces)} workspace(s)")
