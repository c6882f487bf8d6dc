import re
import subprocess
import sys

import pytest


def demo(folder, *arguments):
    command = [sys.executable, "-m", "daemon", "demo", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.slow
def test_the_demo_shows_orders_travelling_and_balances(tmp_path):
    """In a fast demo the market, the daemon and the ERP tell of the same orders, through an outage, a kill and refusals, to 0."""
    done = demo(tmp_path, "--fast", "--keep", "kept")
    assert done.returncode == 0, done.stdout + done.stderr
    for said in (
        "order 5001 is accepted",
        "order.created",
        "ERP     imports order 5001 as SO-",
        "goes away",
        "kill -9",
        "Balanced",
    ):
        assert said in done.stdout
    orders, records = re.search(r"accepted orders, live records +(\d+) +(\d+)", done.stdout).groups()
    assert int(orders) == int(records) > 10
    assert done.stderr == ""
    assert (tmp_path / "kept" / "sync.db").exists()


def test_the_demo_leaves_a_used_folder_alone(tmp_path):
    """A folder with something in it is refused, with a remedy."""
    (tmp_path / "mine").write_text("")
    done = demo(tmp_path, "--keep", ".")
    assert done.returncode == 3
    assert "not empty" in done.stderr
    assert "→ Name a new folder" in done.stderr
