"""The commands that need no daemon: config, help, health."""

import json
import os
import subprocess
import sys

import pytest
from aiohttp import web
from typer.testing import CliRunner

from daemon.cli.frame import app

COMMANDS = ["run", "once", "check", "status", "explain", "retry", "restored", "migrate", "healthcheck", "config init"]


def start(*args: str, cwd, **environ: str) -> subprocess.CompletedProcess[str]:
    """The real program."""
    command = [sys.executable, "-m", "daemon", *args]
    return subprocess.run(
        command, check=False, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    """--help shows how the command is typed."""
    result = CliRunner().invoke(app, [*command.split(), "--help"])

    assert result.exit_code == 0
    assert f"Example: consentio-sync {command}" in " ".join(result.output.split())


def test_the_version_is_shown():
    """--version names the program and its version."""
    assert CliRunner().invoke(app, ["--version"]).output.startswith("consentio-sync ")


def test_the_sandbox_shows_its_own_help(tmp_path):
    """What stands behind `sandbox` is read by the sandbox."""
    result = start("sandbox", "--help", cwd=tmp_path)

    assert result.returncode == 0
    assert "--scenario" in result.stdout


@pytest.mark.parametrize("args", [["nope"], ["run", "--nope"], ["retry"], ["run", "--log-level", "loud"]])
def test_a_usage_error_is_exit_code_2(tmp_path, args):
    """A mistyped command is told as such, never as a bug."""
    start("config", "init", cwd=tmp_path)

    assert start(*args, cwd=tmp_path).returncode == 2


def test_init_writes_a_file_that_check_accepts(tmp_path):
    """The way to begin: init, then check; a second init replaces nothing."""
    first = start("config", "init", cwd=tmp_path)
    again = start("config", "init", cwd=tmp_path)
    checked = start("config", "check", cwd=tmp_path)

    assert (first.returncode, checked.returncode) == (0, 0)
    assert again.returncode == 3
    assert "is there already" in again.stderr
    assert "--force" in again.stderr


def test_a_bad_config_shows_every_problem_and_exits_3(tmp_path):
    """Also those that only the adapter knows; no traceback."""
    text = '[[workspaces]]\nid = 1\napi_key_env = "KEY"\n\n[erp.default]\nadapter = "files"\nfoldr = "SECRET"\n'
    (tmp_path / "config.toml").write_text(text)

    checked = start("config", "check", cwd=tmp_path)
    (tmp_path / "config.toml").write_text('[sync]\noverlap = "x"\n')
    run = start("run", cwd=tmp_path)

    assert checked.returncode == run.returncode == 3
    assert "config.toml:7: erp.default.foldr: " in checked.stderr
    assert "config.toml:5: erp.default.folder: " in checked.stderr
    assert "config.toml:2: sync.overlap: " in run.stderr
    assert "workspaces: is missing" in run.stderr
    assert "Traceback" not in checked.stderr + run.stderr
    assert "SECRET" not in checked.stderr


@pytest.mark.parametrize(("command", "code"), [("check", 6), ("once", 6), ("run", 3)])
def test_an_adapter_that_is_not_installed_is_named(tmp_path, command, code):
    """`run`, which ends by itself only for what no waiting mends, calls it a wrong config."""
    text = '[[workspaces]]\nid = 1\napi_key_env = "KEY"\n\n[erp.default]\nadapter = "sap"\n'
    (tmp_path / "config.toml").write_text(text)

    result = start(command, cwd=tmp_path)

    assert result.returncode == code
    assert "'sap'" in result.stderr
    assert "Installed are: " in result.stderr


def test_a_named_file_that_is_missing_is_an_error(tmp_path):
    """Neither --config nor the variable falls back to defaults."""
    by_option = start("config", "check", "--config", "gone.toml", cwd=tmp_path)
    by_variable = start("config", "check", cwd=tmp_path, CONSENTIO_SYNC_CONFIG="gone.toml")

    for result in (by_option, by_variable):
        assert result.returncode == 3
        assert "There is no config file gone.toml" in result.stderr
        assert "→ " in result.stderr


def test_show_prints_what_is_in_force(tmp_path):
    """As TOML with origins, and as JSON for programs."""
    start("config", "init", cwd=tmp_path)

    as_text = start("config", "show", cwd=tmp_path, CONSENTIO_SYNC__LOG__LEVEL="debug")
    as_json = start("config", "show", "--json", cwd=tmp_path)

    assert "# CONSENTIO_SYNC__LOG__LEVEL" in as_text.stdout
    assert json.loads(as_json.stdout)["sync"]["poll_interval"] == "1m"


def test_show_masks_an_adapters_secret_even_where_its_table_is_wrong(tmp_path):
    """A secret that an adapter's model calls so is shown by no command, be the rest of the table right or not."""
    table = '[[workspaces]]\nid = 1\napi_key_file = "key"\n[erp.default]\nadapter = "tryton"\n'
    (tmp_path / "config.toml").write_text(table + 'base_url = "http://127.0.0.1:1"\nkey = "canary-of-tryton"\ntiemout = 3\n')

    shown = start("config", "show", cwd=tmp_path).stdout
    assert 'key = "***"' in shown
    assert "canary-of-tryton" not in shown + start("config", "check", cwd=tmp_path).stderr


def test_a_bug_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    """A traceback is for those who ask for it."""
    from daemon.cli import failures

    for level, lines in (("info", 2), ("debug", 8)):
        monkeypatch.setenv("CONSENTIO_SYNC__LOG__LEVEL", level)
        with pytest.raises(SystemExit) as caught, failures.exiting():
            raise KeyError("x")
        told = capsys.readouterr().err

        assert caught.value.code == 1
        assert "consentio-sync: a bug: KeyError: 'x'" in told
        assert ("Traceback" in told) == (level == "debug"), lines


@pytest.fixture
async def answering(tmp_path):
    """A daemon's endpoint that gives each path its status; and the config that names its port."""
    statuses = {"/healthz": 200, "/readyz": 503}

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"status": "?"}, status=statuses[request.path])

    served = web.Application()
    served.router.add_get("/{any}", answer)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    (tmp_path / "config.toml").write_text(f'[http]\nhost = "0.0.0.0"\nport = {runner.addresses[0][1]}\n')
    yield statuses
    await runner.cleanup()


async def test_the_healthcheck_asks_the_configured_port(tmp_path, answering):
    """0 when the daemon says it is well, 1 when not; --ready asks for readiness."""
    import asyncio

    lives = await asyncio.to_thread(start, "healthcheck", cwd=tmp_path)
    ready = await asyncio.to_thread(start, "healthcheck", "--ready", cwd=tmp_path)

    assert (lives.returncode, ready.returncode) == (0, 1)
    assert "/readyz says 503" in ready.stderr


def test_the_healthcheck_of_no_daemon_is_1(tmp_path):
    """Nobody listens, or there is no config: unhealthy, in one line."""
    missing = start("healthcheck", cwd=tmp_path)
    (tmp_path / "config.toml").write_text("[http]\nport = 1\n")
    refused = start("healthcheck", cwd=tmp_path)

    assert (missing.returncode, refused.returncode) == (1, 1)
    assert refused.stderr.count("\n") == 1


def test_what_runs_often_imports_little(tmp_path):
    """A health check every ten seconds must not cost a core's share: no server, no database, no adapter."""
    heavy = {"aiohttp", "sqlalchemy", "apscheduler", "alembic", "structlog", "tomlkit", "daemon.store", "daemon.marketplace"}
    code = (
        "import sys\nsys.argv = ['consentio-sync', 'healthcheck']\n"
        "from daemon.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(*sys.modules)"
    )

    (tmp_path / "config.toml").write_text("[http]\nport = 1\n")
    result = subprocess.run([sys.executable, "-c", code], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert not heavy & set(result.stdout.split())
