"""The options that commands share. Each command has its own: typer refuses an option before the command's name after it."""

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The config file; else $CONSENTIO_SYNC_CONFIG, else ./config.toml.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
LogLevel = Annotated[
    str | None,
    typer.Option("--log-level", help="debug, info, warning or error, instead of the config's.", show_default=False),
]
_NAMES = "by Consentio's id or hash, the ERP's record or number, or the reference told"
Orders = Annotated[list[str] | None, typer.Argument(help=f"Orders, {_NAMES}.", show_default=False)]
OrderName = Annotated[str, typer.Argument(help=f"The order, {_NAMES}.", metavar="ORDER", show_default=False)]
InWorkspace = Annotated[str | None, typer.Option("--workspace", "-w", help="Only this workspace.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the story.")]


def said(text: str) -> str:
    """A text that must say something."""
    if not text.strip():
        raise typer.BadParameter("it must not be empty")
    return text.strip()


Why = Annotated[str, typer.Option("--reason", help="Why; it is kept in the story.", callback=said, show_default=False)]
