"""Several workspaces with several ERPs in one process: a broken one is that workspace's trouble, and nobody else's."""

import os
import signal
import sqlite3
import sys
from itertools import count

import pytest

from daemon.sandbox.remote import Remote
from tests.support.broken_plugins import PLUGINS
from tests.support.process import ROOT_OF_PROJECT, running, write_config
from tests.support.waiting import wait_until_sync

TEMPLATE = ROOT_OF_PROJECT / "examples" / "erp-plugin" / "src"


@pytest.fixture
def environ(tmp_path):
    """A process finds the template's adapter and every broken plugin by their entry points."""
    described = tmp_path / "site" / "plugins-1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins\nVersion: 1.0\n")
    points = {**PLUGINS, "crates": "consentio_sync_crates:CratesAdapter"}
    (described / "entry_points.txt").write_text("[daemon.erp]\n" + "".join(f"{name} = {at}\n" for name, at in points.items()))
    return {"PYTHONPATH": os.pathsep.join(map(str, (described.parent, ROOT_OF_PROJECT, TEMPLATE)))}


@pytest.fixture
def crates(tmp_path, monkeypatch):
    """The template's ERP, which knows what the imitated market trades in."""
    monkeypatch.syspath_prepend(str(TEMPLATE))
    from consentio_sync_crates.crates import connect, found

    from daemon.sandbox.catalogue import PRODUCTS

    file = tmp_path / "crates.db"
    found(file)
    db = connect(file)
    db.executemany("INSERT INTO product VALUES (?, 'box')", [(sku,) for sku in PRODUCTS])
    db.close()
    yield file
    sys.modules.pop("consentio_sync_crates", None)


def write_several(folder, url):
    """Workspace 123 with `files`, 124 with the template's adapter, and one for each broken plugin from 125 on."""
    numbers = dict(zip(("crates", *PLUGINS), count(124), strict=False))
    tables = [
        f'[[workspaces]]\nid = {number}\napi_key_file = "key"\nerp = "{name}"\n[erp.{name}]\nadapter = "{name}"\n'
        + ('file = "crates.db"' if name == "crates" else 'folder = "nowhere"\npassword = "hunter2hunter2"')
        for name, number in numbers.items()
    ]
    units = '{ kg = "box", unit = "box" }'
    mapping = f'[erp.crates.mapping]\ncustomers = {{}}\nunknown_address = "default"\nunits = {units}\n'
    file = write_config(folder, url, more="\n".join([*tables, mapping, '[delivery]\ncall_timeout = "3s"']))
    return file, numbers


def customers_known(file, codes):
    db = sqlite3.connect(file)
    db.executemany("INSERT OR IGNORE INTO customer VALUES (?)", [(code,) for code in codes])
    db.commit()
    db.close()


def test_a_broken_erp_changes_nothing_for_the_others(tmp_path, environ, crates):
    """Beside five plugins that each fail in their way, two workspaces carry their orders; the five are told with a reason."""
    from daemon.sandbox.catalogue import BUYERS

    customers_known(crates, BUYERS)
    workspaces = [str(number) for number in range(123, 125 + len(PLUGINS))]
    with Remote.started("--pace", "0", *(word for number in workspaces for word in ("--workspace", number))) as market:
        for number in workspaces:
            market.do(market.place(workspace=int(number)), "accept")
        _, numbers = write_several(tmp_path, market.url)

        with running(tmp_path, **environ) as daemon:
            daemon.wait_for("order.created", times=2)
            wait_until_sync(lambda: _told(daemon) >= {"125", "126", "127", "128", "129"}, timeout=30, what="five told workspaces")
            created = {line["workspace"] for line in daemon.told("order.created")}
            reasons = daemon.ready()[1]
            code = daemon.end(signal.SIGTERM)
        text = daemon.text

    assert created == {"123", "124"}
    assert code == 0
    assert len(list((tmp_path / "erp" / "inbox").iterdir())) == 1
    assert sqlite3.connect(crates).execute("SELECT count(*) FROM sale").fetchone() == (1,)
    assert "hunter2hunter2" not in text
    assert all(str(numbers[name]) in str(reasons) for name in PLUGINS)


def _told(daemon):
    return {line["workspace"] for event in ("workspace.lost", "erp.lost") for line in daemon.told(event)}


def test_once_does_what_can_be_done(tmp_path, environ, crates):
    """A single cycle serves the others, and ends with 6 and the reason of what was left out."""
    with Remote.started("--pace", "0", "--workspace", "123", "--workspace", "125") as market:
        market.do(market.place(workspace=123), "accept")
        more = '[[workspaces]]\nid = 125\napi_key_file = "key"\nerp = "bad"\n[erp.bad]\nadapter = "cannot-be-imported"'
        write_config(tmp_path, market.url, more=more)
        for args in (("check",), ("once", "--dry-run"), ("once",)):
            with running(tmp_path, *args, **environ) as once:
                assert once.end() == 6, once.text
            assert "workspace 123" in once.text
            assert "ERP adapter 'cannot-be-imported'" in once.text

    assert len(list((tmp_path / "erp" / "inbox").iterdir())) == 1
