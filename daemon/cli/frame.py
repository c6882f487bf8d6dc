"""All commands under one name."""

from typing import Annotated

import typer

from daemon.cli import (
    adapters,
    backfill,
    check,
    config,
    database,
    demo,
    desk,
    gaps,
    health,
    look,
    orders,
    release,
    run,
    sandbox,
    wish,
)

app = typer.Typer(
    help="Carries accepted orders from the Consentio marketplace into an ERP, and keeps both sides equal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print source lines, and with them secrets
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 120},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"consentio-sync {version('consentio-sync')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    pass


for _function, _example in (
    (run.run, "run --config /etc/consentio-sync.toml"),
    (run.once, "once && echo done"),
    (check.check, "check --config /etc/consentio-sync.toml"),
    (look.status, "status --json"),
    (look.explain, "explain 5001"),
    (orders.orders, "orders --situation parked --older-than 2h"),
    (gaps.gaps, "gaps --json"),
    (wish.retry, "retry 5001 5002 --reason 'customer C-17 is in the ERP now'"),
    (desk.dismiss, "dismiss 5001 --reason 'typed in by hand'"),
    (desk.settle, "settle 5001 --as SO-1042 --reason 'Marta sees it in the ERP'"),
    (desk.cancel, "cancel 5001 --reason 'sold out'"),
    (desk.prepare, "prepare 5001 --reason 'packed by hand'"),
    (desk.pause, "pause deliver --reason 'the ERP is upgraded tonight'"),
    (desk.resume, "resume"),
    (release.release, "release 123 cancels --reason 'the buyer closes for a week'"),
    (backfill.backfill, "backfill --from 2026-01-01 --to 2026-03-01"),
    (wish.restored, "restored --reason 'the copy of last night'"),
    (adapters.adapters, "adapters files"),
    (database.migrate, "migrate"),
    (health.healthcheck, "healthcheck --ready"),
    (demo.demo, "demo --fast"),
):
    app.command(epilog=f"Example: consentio-sync {_example}")(_function)
app.add_typer(config.app, name="config")
# The sandbox reads its own arguments, --help included.
_ITS_OWN = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
app.command(add_help_option=False, context_settings=_ITS_OWN)(sandbox.sandbox)
