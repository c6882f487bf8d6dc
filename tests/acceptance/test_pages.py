"""What README and docs show can be typed: each page's examples are tried in order, as a reader would."""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import tomllib
from json import loads

import pytest

from daemon.sandbox import Sandbox
from tests.support.pages import ROOT, examples, pages
from tests.support.process import running, write_config

ALL = [example for page in pages() for example in examples(page)]
#: A program that serves until it is stopped.
_SERVES = ("consentio-sync run", "venv/bin/consentio-sync run")


@pytest.mark.parametrize("example", ALL, ids=lambda example: f"{example.page}:{example.line}")
def test_each_example_says_how_it_is_tried(example):
    """No example is left out without a reason."""
    ran_elsewhere = {".ci/run"}
    assert example.how in ("run", "load", "not run"), "write <!-- run -->, <!-- load --> or <!-- not run: why --> above it"
    assert example.how != "not run" or example.why
    assert example.how != "run" or not example.why or example.why in ran_elsewhere


@pytest.mark.parametrize("example", [one for one in ALL if one.how == "load"], ids=lambda one: f"{one.page}:{one.line}")
def test_each_document_can_be_read(example):
    """What is shown as TOML or JSON is that."""
    assert {"toml": tomllib.loads, "json": loads}[example.kind](example.text)


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if any(one.how == "run" and not one.why for one in examples(page))],
    ids=lambda page: page.name,
)
async def test_each_command_works(tmp_path, page):
    """Typed in order in a folder with a config, beside an imitated Consentio with orders, each command of a page ends well."""
    async with Sandbox() as box:
        for _ in range(3):
            box.world.accept(box.world.place(123).id)
        write_config(tmp_path, box.url)
        _put_program(tmp_path)
        await asyncio.to_thread(_type, "consentio-sync once", tmp_path)
        for example in examples(page):
            if example.how == "run" and not example.why:
                for command in example.commands:
                    await asyncio.to_thread(_type, command, tmp_path)


def _type(command, folder):
    if command.startswith(_SERVES):
        with running(folder, *shlex.split(command, comments=True)[1:]) as daemon:
            daemon.wait_for("daemon.started")
            assert daemon.end(signal.SIGTERM) == 0, daemon.text
        return
    environ = {**os.environ, "PATH": f"{folder / 'venv/bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (0, 8), f"{command}\n{done.stdout}{done.stderr}"


def _put_program(folder):
    """The program under the names that the pages call it by."""
    place = folder / "venv" / "bin" / "consentio-sync"
    place.parent.mkdir(parents=True)
    place.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m daemon "$@"\n')
    place.chmod(0o755)
