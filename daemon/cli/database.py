"""`migrate`: brings the database's schema up to date."""

import asyncio

from daemon.cli.options import ConfigFile


def migrate(config: ConfigFile = None) -> None:
    """Bring the database to the newest schema.

    If that fails, the database is left untouched.
    """
    from daemon.config.load import load
    from daemon.store.schema import migrate as bring_up_to_date

    settings = load(config).settings
    before, after = asyncio.run(bring_up_to_date(settings.database.url.get_secret_value()))
    print(f"schema {after}, nothing to do" if before == after else f"schema {before or 'none'} → {after}")
