"""The config file is edited while the real daemon runs."""

import signal
from pathlib import Path

import pytest

from daemon.sandbox.remote import Remote
from tests.support.process import Daemon, running, write_config
from tests.support.trade import Trade
from tests.support.waiting import wait_until_sync


@pytest.fixture
def market():
    with Remote.started("--pace", "0", "--workspace", "123", "--workspace", "124") as remote:
        yield remote


def save(config: Path, old: str, new: str) -> None:
    """As editors do: a new file takes the old one's name."""
    text = config.read_text()
    assert old in text
    fresh = config.with_suffix(".new")
    fresh.write_text(text.replace(old, new))
    fresh.rename(config)


def changes(line: dict) -> list[str]:
    return sorted(line["changes"])


def wait_for_trouble(daemon: Daemon, words: str) -> dict:
    """What /readyz says once these are among its words about the config."""
    wait_until_sync(lambda: words in daemon.ready()[1].get("config", ""), timeout=30, what=words)
    return daemon.ready()[1]


def test_what_can_change_changes_between_two_cycles(tmp_path, market):
    """Cadence, log and the adapter's settings are taken up without a restart, each told as old → new, secrets masked."""
    config = write_config(tmp_path, market.url, more='[delivery]\nlease = "5s"')

    with running(tmp_path) as daemon:
        daemon.wait_until_ready()
        save(config, 'poll_interval = "300ms"', 'poll_interval = "100ms"')
        cadence = daemon.wait_for("config.reloaded")
        save(config, 'folder = "erp"', 'folder = "erp"\nunits = ["no such unit"]')
        adapter = daemon.wait_for("config.reloaded", times=2)
        market.do(order := market.place(), "accept")
        parked = daemon.wait_for("gap.met")
        save(config, 'api_key_file = "key"', 'api_key = "sk_test_sandbox"')
        key = daemon.wait_for("config.reloaded", times=3)
        save(config, 'level = "debug"', 'level = "info"')
        level = daemon.wait_for("config.reloaded", times=4)
        quiet_from = len(daemon.lines)
        asked = market.count("list")
        wait_until_sync(lambda: market.count("list") > asked + 20, timeout=30, what="more cycles")
        code = daemon.end(signal.SIGTERM)

    assert changes(cadence) == ["sync.poll_interval: 300ms → 100ms"]
    assert changes(adapter) == ["erp.default.units: (none) → ['no such unit']"]
    assert (parked["order_id"], code) == (str(order), 0)
    assert changes(key) == ["workspaces[123].api_key: (none) → **********", "workspaces[123].api_key_file: key → (none)"]
    assert "sk_test_sandbox" not in daemon.text
    assert changes(level) == ["log.level: debug → info"]
    assert not any("cycle.done" in line for line in daemon.lines[quiet_from + 1 :])
    assert daemon.told("cycle.failed") == []


def test_workspaces_come_and_go_under_load(tmp_path, market):
    """A workspace that is added gets its orders carried, one that is removed is left alone, and nothing is lost or doubled."""
    second = '[[workspaces]]\nid = 124\napi_key_file = "key"\n'
    config = write_config(tmp_path, market.url)
    trade = Trade(market, tmp_path, workspaces=(123, 124))

    with running(tmp_path) as daemon, trade.going_on():
        daemon.wait_until_ready()
        trade.wait_for_orders(5)
        save(config, "[sync]", f"{second}[sync]")
        daemon.wait_for("workspace.started", times=2)
        trade.wait_for_orders(20)
        save(config, second, "")
        daemon.wait_for("lead.given")
        trade.wait_for_orders(5)
        save(config, "[sync]", f"{second}[sync]")
        daemon.wait_for("lead.taken", times=3)
        trade.wait_for_orders(5)
        trade.stop()
        trade.wait_for_balance()
        code = daemon.end(signal.SIGTERM)

    assert (code, daemon.told("cycle.failed")) == (0, [])


def test_a_broken_file_changes_nothing_until_it_is_mended(tmp_path, market):
    """Every problem is told with its key and line; readiness and `status` tell it; orders still flow."""
    config = write_config(tmp_path, market.url)
    good = config.read_text()

    with running(tmp_path) as daemon:
        daemon.wait_until_ready()
        config.write_text(good.replace('poll_interval = "300ms"', 'poll_interval = "often"\nnonsense = 1').replace("123", "-1"))
        refused = daemon.wait_for("config.refused")
        told = wait_for_trouble(daemon, "refused")
        with running(tmp_path, "status") as broken:
            assert broken.end() == 3, broken.text
        market.do(order := market.place(), "accept")
        created = daemon.wait_for("order.created")
        save(config, config.read_text(), good.replace('folder = "erp"', 'folder = "elsewhere"'))
        elsewhere = daemon.wait_for("config.refused", times=2)
        with running(tmp_path, "status") as status:
            assert status.end() == 0, status.text
        config.write_text(good)
        wait_until_sync(lambda: daemon.ready() == (200, {"status": "ready"}), timeout=30, what="the mended file")
        code = daemon.end(signal.SIGTERM)

    keys = [problem.partition(": ")[2].partition(":")[0] for problem in refused["problems"]]
    assert keys == ["workspaces[0].id", "sync.poll_interval", "sync.nonsense"]
    assert [problem.partition(": ")[0] for problem in refused["problems"]] == ["config.toml:6", "config.toml:9", "config.toml:10"]
    assert told["status"] == "ready"
    assert "config: the daemon goes on with what it read before" in broken.text
    assert "config.toml:9: sync.poll_interval" in "".join(broken.errors)
    assert created["order_id"] == str(order)
    assert "the ERP: this database says" in " ".join(elsewhere["problems"])
    assert "config: the daemon goes on with what it read before" in status.text
    assert code == 0
    assert not (tmp_path / "elsewhere").exists()


def test_a_mounted_config_map_is_watched_and_sighup_is_heard(tmp_path, market):
    """Kubernetes turns a link to a new folder; what only a restart can bring is told so, and the rest is taken up.

    The health check asks where the daemon listens, whatever the file says by now.
    """
    text = write_config(tmp_path, market.url).read_text()
    for name, level in (("one", "debug"), ("two", "info")):
        (tmp_path / name).mkdir()
        more = "" if name == "one" else '[service]\ndrain_grace = "3s"'
        (tmp_path / name / "config.toml").write_text(text.replace('"debug"', f'"{level}"') + more)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "mounted.toml").symlink_to("..data/config.toml")

    with running(tmp_path, "run", "--config", "mounted.toml") as daemon:
        daemon.wait_until_ready()
        (tmp_path / "..new").symlink_to("two")
        (tmp_path / "..new").rename(tmp_path / "..data")
        turned = daemon.wait_for("config.reloaded")
        config = tmp_path / "two" / "config.toml"
        config.write_text(text.replace("port = 0", "port = 1").replace("sync.db", "other.db"))
        daemon.process.send_signal(signal.SIGHUP)
        postponed = daemon.wait_for("config.postponed")
        told = wait_for_trouble(daemon, "a restart is needed")
        with running(tmp_path, "healthcheck", "--config", "mounted.toml") as other_port:
            assert other_port.end() == 0, other_port.text
        config.write_text("no TOML")
        with running(tmp_path, "healthcheck", "--ready", "--config", "mounted.toml") as broken:
            assert broken.end() == 0, broken.text
        code = daemon.end(signal.SIGTERM)

    assert changes(turned) == ["log.level: debug → info", "service.drain_grace: 20s → 3s"]
    assert changes(postponed) == ["database.url: sqlite:///sync.db → sqlite:///other.db", "http.port: 0 → 1"]
    assert told == {"status": "ready", "config": "a restart is needed for database.url, http.port"}
    assert code == 0
