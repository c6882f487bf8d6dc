"""The roof: `consentio-sync`, one file per family of commands.

Errors become a message, a remedy and an exit code. Each command imports what it needs when it runs, so that `healthcheck` and
`status`, which run often, stay cheap.
"""


def main() -> None:
    """The console script."""
    from daemon.cli.failures import exiting
    from daemon.cli.frame import app

    with exiting():
        app(prog_name="consentio-sync")
