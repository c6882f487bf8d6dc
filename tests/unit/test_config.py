"""The config: read from a file and the environment, checked as a whole, written as an example."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.config.durations import read_duration, write_duration
from daemon.config.ends import Workspace
from daemon.config.keys import read_api_key
from daemon.config.load import load
from daemon.config.positions import lines_of
from daemon.config.render import example, in_force_text
from daemon.config.settings import Settings
from daemon.errors import ConfigError
from daemon.log import masked

LEAST = """\
[[workspaces]]
id = 123
api_key_env = "KEY"

[erp.default]
adapter = "files"
folder = "inbox"
"""


@pytest.fixture
def write(tmp_path):
    def _write(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text)
        return path

    return _write


def problems(path: Path, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    return "\n".join(caught.value.problems) or str(caught.value)


def test_the_example_in_the_repository_is_the_one_that_init_writes():
    """config.example.toml never differs from what `config init` writes."""
    written = Path(__file__).parents[2] / "config.example.toml"

    assert written.read_text() == example()


def test_the_example_says_the_defaults(write):
    """Loading the example gives what a config without optional keys gives."""
    shown, least = load(write(example()), {}).settings, load(write(LEAST), {}).settings

    for name in Settings.model_fields.keys() - {"workspaces", "erp"}:
        assert getattr(shown, name) == getattr(least, name), name


def test_the_example_shows_every_key():
    """No key is left out of the example, and each is explained on its line."""
    text = example()
    for table in Settings.model_fields.values():
        for key, info in getattr(table.annotation, "model_fields", {}).items():
            assert key == "wire" or re.search(rf"^(# )?{key} = .*# {re.escape(info.description)}$", text, re.MULTILINE), key
    for key in Workspace.model_fields:
        assert re.search(rf"^(# )?{key} = ", text, re.MULTILINE), key


def test_the_optional_keys_of_the_example_can_be_put_in_force(write):
    """Each key that the example comments out is valid as it stands."""
    text = re.sub(r"^# (ca_file|start_from|auto_migrate)", r"\1", example(), flags=re.MULTILINE)
    text = text.replace("/etc/ssl/company.pem", str(write("")))

    settings = load(write(text), {}).settings

    assert settings.sync.start_from == datetime(2026, 11, 1, tzinfo=UTC)
    assert settings.database.auto_migrate is True


def test_all_problems_are_told_at_once_with_line_and_key(write):
    """One run shows everything that is wrong, each with file, line and key."""
    path = write(
        """\
[consentio]
base_url = "http://example.com"
requests_per_secnd = 3

[[workspaces]]
id = 1

[[workspaces]]
id = "abc"
api_key_env = "KEY"

[sync]
poll_interval = "0s"

[databse]
url = "x"
"""
    )

    told = problems(path)

    assert f"{path}:2: consentio.base_url: must begin with https://" in told
    assert f"{path}:3: consentio.requests_per_secnd: there is no such key; did you mean requests_per_second?" in told
    assert f"{path}:5: workspaces[0]: needs exactly one of api_key_file" in told
    assert f"{path}:9: workspaces[1].id: should be a valid integer" in told
    assert f"{path}:13: sync.poll_interval: must be between" in told
    assert f"{path}:15: databse: there is no such key; did you mean database?" in told


def test_no_problem_shows_a_value(write):
    """What stands in the file may be a misspelt secret, and is never repeated."""
    path = write(
        """\
api_key = "SECRET-1"
[[workspaces]]
id = "SECRET-2"
api_key = ["SECRET-3"]
api_key_file = 7
[database]
url = "postgres://u:SECRET-4@h/d"
[consentio]
base_url = "SECRET-5"
timeout = "SECRET-6"
[log]
level = "SECRET-7"
[sync]
start_from = "SECRET-8"
"""
    )

    assert "SECRET" not in problems(path, CONSENTIO_SYNC__HTTP__PORT="SECRET-9")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LEAST + LEAST.split("\n\n", maxsplit=1)[0], "workspace 123 is there more than once"),
        (LEAST.replace("erp.default", "erp.other"), "uses [erp.default], which is not there"),
        (LEAST.replace('adapter = "files"', ""), "erp.default.adapter: is missing"),
        ("[erp.default]\nadapter='files'", "workspaces: is missing"),
        ("workspaces = []\n[erp.default]\nadapter='files'", "workspaces: is empty"),
        (LEAST + '[delivery]\nbackoff_initial = "1h"', "backoff_initial must not be longer"),
        (LEAST + '[sync]\nnear_sweep_horizon = "30d"', "near_sweep_horizon must not be longer"),
        (LEAST + "[sync]\noverlap = 600", "must be a duration with its unit"),
        (LEAST + "[sync]\nstart_from = 2026-11-01T00:00:00", "should have timezone info"),
        (LEAST + '[consentio]\nca_file = "gone.pem"', "names a file that is not there"),
        (LEAST + '[consentio]\nbase_url = "https://host:port"', "must be an address such as"),
        (LEAST + '[consentio]\nbase_url = "https://[::1"', "must be an address such as"),
        (LEAST + '[database]\nurl = "postgresql://u:p@[::1/db"', "database.url: must be"),
        (LEAST + '[consentio]\nbase_url = "https://user:pw@host"', "must be scheme, host and path only"),
        ("[a", "is no TOML"),
        ("a = 1\na = 2", "is no TOML"),
    ],
)
def test_a_problem_is_told_in_words(write, text, told):
    """Each kind of mistake has words of its own."""
    assert told in problems(write(text))


@pytest.mark.parametrize("host", ["http://localhost:8090", "http://127.0.0.1:8090", "http://[::1]:8090/"])
def test_plain_http_may_reach_this_machine(write, host):
    """A sandbox on the same machine needs no certificate."""
    settings = load(write(LEAST + f'[consentio]\nbase_url = "{host}"'), {}).settings

    assert settings.consentio.base_url == host.rstrip("/")


def test_the_environment_overrides_the_file(write):
    """A variable names a key by its tables; numbers, truth values, lists and entries of lists work."""
    environ = {
        "CONSENTIO_SYNC__SYNC__POLL_INTERVAL": "30s",
        "CONSENTIO_SYNC__HTTP__PORT": "9000",
        "CONSENTIO_SYNC__HTTP__ENABLED": "false",
        "CONSENTIO_SYNC__CONSENTIO__WIRE__PUSH_KEY": "hash_id",
        "CONSENTIO_SYNC__WORKSPACES__0__API_KEY_ENV": "OTHER",
        "CONSENTIO_SYNC__WORKSPACES__1__ID": "124",
        "CONSENTIO_SYNC__WORKSPACES__1__API_KEY_ENV": "KEY",
        "CONSENTIO_SYNC__ERP__DEFAULT__UNITS": '["kg"]',
    }

    settings = load(write(LEAST), environ).settings

    assert settings.sync.poll_interval == timedelta(seconds=30)
    assert (settings.http.port, settings.http.enabled) == (9000, False)
    assert settings.consentio.wire.push_key == "hash_id"
    assert [(w.id, w.api_key_env) for w in settings.workspaces] == [(123, "OTHER"), (124, "KEY")]
    assert settings.erp["default"].table == {"folder": "inbox", "units": ["kg"]}


def test_an_unknown_variable_is_an_error(write):
    """A variable that names no setting is told by its name, with the nearest key."""
    told = problems(write(LEAST), CONSENTIO_SYNC__SYNC__POL_INTERVAL="30s")

    assert told == "CONSENTIO_SYNC__SYNC__POL_INTERVAL: sync.pol_interval: there is no such key; did you mean poll_interval?"


def test_a_variable_of_an_unknown_table_is_an_error(write):
    """pydantic-settings passes over what no model knows; we do not."""
    told = problems(write(LEAST), CONSENTIO_SYNC__SINC__POLL_INTERVAL="30s")

    assert told == "CONSENTIO_SYNC__SINC__POLL_INTERVAL: sinc: there is no such key; did you mean sync?"


@pytest.mark.parametrize("entry", ["FIRST", "2"])
def test_a_variable_that_names_no_place_says_how_to_write_it(write, entry):
    """An entry of a list is named by its number, and no number is left out."""
    told = problems(write(LEAST), **{f"CONSENTIO_SYNC__WORKSPACES__{entry}__ID": "1"})

    assert "WORKSPACES__0__API_KEY_FILE" in told


def test_a_table_set_as_a_whole_and_in_part_is_an_error(write):
    """Neither of two variables is ignored in silence."""
    told = problems(write(LEAST), CONSENTIO_SYNC__WORKSPACES="[]", CONSENTIO_SYNC__WORKSPACES__0__ID="1")

    assert told == "CONSENTIO_SYNC__WORKSPACES: is set beside variables that set parts of it"


def test_a_variable_means_the_erp_as_the_file_spells_it_and_stays_text(write):
    """Names of variables are capitals; a password of digits is no number."""
    path = write(LEAST.replace("erp.default", "erp.Main").replace("id = 123", 'id = 123\nerp = "Main"'))

    settings = load(path, {"CONSENTIO_SYNC__ERP__MAIN__PASSWORD": "12345"}).settings

    assert settings.erp["Main"].table == {"folder": "inbox", "password": "12345"}


def test_what_kubernetes_sets_is_no_setting(write):
    """A service named consentio-sync brings variables with one underscore, which are none of ours."""
    assert load(write(LEAST), {"CONSENTIO_SYNC_PORT": "tcp://10.0.0.1:8080", "CONSENTIO_SYNC_SERVICE_HOST": "10.0.0.1"})


def test_a_missing_file_is_an_error_with_a_remedy(tmp_path, monkeypatch):
    """Neither a named file nor ./config.toml is replaced by defaults in silence."""
    monkeypatch.chdir(tmp_path)

    for environ in ({}, {"CONSENTIO_SYNC_CONFIG": str(tmp_path / "gone.toml")}):
        with pytest.raises(ConfigError, match=r"There is no config file") as caught:
            load(None, environ)
        assert "consentio-sync config init" in caught.value.remedy


@pytest.mark.parametrize("text", [b"\xff\xfe", b"a = \xe4"])
def test_a_file_in_another_encoding_is_told(tmp_path, text):
    """Bytes that are no UTF-8 are told in words."""
    path = tmp_path / "config.toml"
    path.write_bytes(text)

    assert "is not UTF-8" in problems(path)


def test_what_is_in_force_is_shown_with_its_origin_and_without_secrets(write):
    """Each value says where it comes from; keys, passwords and an adapter's secrets are masked."""
    text = LEAST.replace('api_key_env = "KEY"', 'api_key = "SECRET-1"') + 'password = "SECRET-2"\n'
    path = write(text + '[database]\nurl = "postgresql://u:SECRET-3@h/d?password=SECRET-4"')

    shown = in_force_text(load(path, {"CONSENTIO_SYNC__HTTP__PORT": "9000"}), masked)

    assert "SECRET" not in shown
    assert re.search(r"^port = 9000 +# CONSENTIO_SYNC__HTTP__PORT$", shown, re.MULTILINE)
    assert re.search(rf"^id = 123 +# {re.escape(str(path))}:2$", shown, re.MULTILINE)
    assert re.search(r'^level = "info" +# default$', shown, re.MULTILINE)


def test_a_key_in_the_file_is_warned_about(write):
    """A key in the file works, and is told; one from the environment is not."""
    in_file = load(write(LEAST.replace('api_key_env = "KEY"', 'api_key = "k"')), {})
    in_env = load(
        write(LEAST.replace('api_key_env = "KEY"', "")),
        {"CONSENTIO_SYNC__WORKSPACES__0__API_KEY": "k"},
    )

    assert [warning.partition(": ")[2][:21] for warning in in_file.warnings()] == ["workspaces[0].api_key"]
    assert not list(in_env.warnings())


def test_the_api_key_is_read_anew_each_time(tmp_path):
    """A key that changes in its file is the one used next; white space around it is no part of it."""
    file = tmp_path / "key"
    workspace = Workspace(id=1, api_key_file=file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_api_key(workspace)
    file.write_text(" one\n")
    first = read_api_key(workspace)
    file.write_text("two")

    assert (first, read_api_key(workspace)) == ("one", "two")


def test_an_empty_api_key_is_an_error():
    """A variable that is not set is no key."""
    with pytest.raises(ConfigError, match="There is no API key of workspace 1 in the environment variable KEY"):
        read_api_key(Workspace(id=1, api_key_env="KEY"), {"KEY": " "})


@pytest.mark.parametrize("text", ["500ms", "30s", "90s", "10m", "6h", "1d", "14d", "0s"])
def test_a_duration_is_written_as_it_is_read(text):
    """Writing undoes reading."""
    assert write_duration(read_duration(text)) == text


@pytest.mark.parametrize("text", ["", "30", "30 s", "-5s", "1mm", "10m!!5s", "1.5.2s", "abc", 30, 1.5, None])
def test_what_is_no_duration_is_refused(text):
    """A number without unit and a text with anything else in it are no durations."""
    with pytest.raises(ValueError, match="must be a duration"):
        read_duration(text)


def test_the_lines_of_a_winding_file_are_found():
    """Dotted keys, lists over lines, inline tables and tables out of order keep their lines."""
    top = 'a.b = 1\na.c = """\nx\n"""\n\n[x.y]  # note\nk = [\n  1,\n]\n'
    text = top + "[[w]]\nid = 1\n\n[[w]]\nid = 2\n[w.sub]\ns = 1\n[x]\nlate = 1\n"

    lines = lines_of(text)

    for key, line in lines.items():
        assert str(key[-1] if isinstance(key[-1], str) else key[-2]) in text.splitlines()[line - 1]
    assert (lines["a", "c"], lines["w", 1, "id"], lines["x", "late"]) == (2, 14, 18)
