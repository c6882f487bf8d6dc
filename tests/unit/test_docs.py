"""What the pages say of the program is what the program does."""

import subprocess
import sys

from tests.support.events import ROOT, documented, told, written

#: `service.outages` puts these together.
OUTAGES = {f"{end}.{edge}" for end in ("api", "erp", "store", "workspace") for edge in ("lost", "recovered")}


def test_every_event_is_explained():
    """An operator finds each event of the log on the operator's page: a new one needs a row in docs/operating.md."""
    rows = documented()
    nouns = {name.partition(".")[0] for name in rows}
    could_be = {name for name in written() if name.partition(".")[0] in nouns}

    assert sorted((told().keys() | OUTAGES) - rows.keys()) == []
    assert sorted(name for name in could_be - rows.keys() if name not in NO_EVENTS) == []


def test_every_explained_event_is_told():
    """The page explains nothing that is gone."""
    assert sorted(documented().keys() - written() - OUTAGES) == []


def test_every_field_is_named():
    """The page names each field that a line bears."""
    rows = documented()
    lacking = {name: sorted(event.fields - rows[name].fields) for name, event in told().items()}

    assert {name: fields for name, fields in lacking.items() if fields} == {}


#: Names of the same form that are something else: keys of the config, modules, columns of a document.
NO_EVENTS = {"config.toml", "daemon.erp", "order.customer", "order.id"}


def test_the_tables_of_the_readme_are_current():
    """The README's config table is what `make docs` would write."""
    assert subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, check=False).returncode == 0
