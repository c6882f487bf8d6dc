"""The Consentio Partner API imitated, strictly, with a lifelike market behind it and faults on demand.

    async with Sandbox([Workspace(123, api_key="sk_test_1")], seed=7) as box:
        order = box.world.place(123)
        box.world.accept(order.id)
        box.faults.add("429", "list", times=2, retry_after=1)
        ...  # point a client at box.url

As a program: `python -m daemon.sandbox --help`. It shares not one line with the rest of this package, so that a
misreading of the API is not made twice and cancelled out.
"""

from daemon.sandbox.box import Sandbox
from daemon.sandbox.clock import Clock
from daemon.sandbox.command import main
from daemon.sandbox.edits import Wish
from daemon.sandbox.faults import Fault, Faults
from daemon.sandbox.market import Pace, fill
from daemon.sandbox.records import External, Refused, UnknownOrder, Workspace
from daemon.sandbox.switches import Switches
from daemon.sandbox.world import World

__all__ = [
    "Clock",
    "External",
    "Fault",
    "Faults",
    "Pace",
    "Refused",
    "Sandbox",
    "Switches",
    "UnknownOrder",
    "Wish",
    "Workspace",
    "World",
    "fill",
    "main",
]
