"""`sandbox`: the Consentio API imitated, to try things without touching the real one."""

import typer


def sandbox(context: typer.Context) -> None:
    """Serve an imitation of the Consentio API."""
    from daemon.sandbox import main

    raise typer.Exit(main(context.args))
