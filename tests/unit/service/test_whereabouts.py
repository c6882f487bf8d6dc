"""What the running daemon leaves for `healthcheck`."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from daemon.service.whereabouts import found, leaving

CONFIG = Path("config.toml")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, and where the daemon was started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_found_while_the_daemon_serves(folder: Path) -> None:
    """By its config file, however that is named; afterwards nothing is left."""
    with leaving(CONFIG, "::", 8099):
        assert found(folder / "config.toml") == ("::", 8099)
        assert found(Path("other.toml")) is None

    assert found(CONFIG) is None
    assert list(folder.iterdir()) == []


def test_what_a_killed_daemon_left_counts_for_nothing(folder: Path) -> None:
    """Its lock is gone with it, and the next one's address takes its place."""
    code = (
        "import os, pathlib; from daemon.service.whereabouts import leaving\n"
        "with leaving(pathlib.Path('config.toml'), '127.0.0.1', 1): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, cwd=folder, timeout=30)

    assert len(list(folder.iterdir())) == 1
    assert found(CONFIG) is None
    with leaving(CONFIG, "127.0.0.1", 2):
        assert found(CONFIG) == ("127.0.0.1", 2)


def test_the_second_daemon_with_one_config_file_counts() -> None:
    """The end of the first takes nothing away from it."""
    first = leaving(CONFIG, "127.0.0.1", 1)
    first.__enter__()
    with leaving(CONFIG, "127.0.0.1", 2):
        first.__exit__(None, None, None)
        assert found(CONFIG) == ("127.0.0.1", 2)


def test_variables_go_before_it(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Daemons that share a config file have their addresses from them: neither is taken for the other."""
    with leaving(CONFIG, "127.0.0.1", 1):
        monkeypatch.setenv("CONSENTIO_SYNC__HTTP__PORT", "2")
        assert found(CONFIG) is None
    with leaving(CONFIG, "127.0.0.1", 2):
        assert list(folder.iterdir()) == []


def test_a_link_that_somebody_else_put_there_is_not_followed(folder: Path) -> None:
    """Everybody may write to that folder: a link is replaced, not written through."""
    with leaving(CONFIG, "127.0.0.1", 1):
        (left,) = folder.iterdir()
    (folder / "mine").write_text("mine")
    left.symlink_to(folder / "mine")
    assert found(CONFIG) is None
    with leaving(CONFIG, "127.0.0.1", 1):
        assert found(CONFIG) == ("127.0.0.1", 1)
    assert (folder / "mine").read_text() == "mine"


def test_the_daemon_serves_where_nothing_can_be_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there, or read-only, stops nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "gone"))
    with leaving(CONFIG, "127.0.0.1", 1):
        assert found(CONFIG) is None
