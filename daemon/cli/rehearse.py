"""`once --dry-run`: the cycle that `once` would run, told instead of done."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daemon.app.house import Lane
    from daemon.config.settings import Settings
    from daemon.sync.cycle import Report
    from daemon.sync.rehearsal import Script, Step


#: Steps that change something, by where.
_IN_THE_ERP = ("create", "update", "cancel")
_ON_CONSENTIO = ("reference", "seen", "prepare", "cancel there")


async def rehearse(settings: "Settings", *, as_json: bool) -> int:
    """Prints what one cycle for every workspace would do; returns the exit code that `once` would have."""
    from daemon.app.rehearsal import open_rehearsal
    from daemon.cli.failures import NEEDS_A_PERSON, told
    from daemon.cli.run import unsettled

    async with open_rehearsal(settings) as (app, scripts):
        codes = [await _turn(lane, scripts[lane.way.workspace], as_json=as_json) for lane in app.lanes]
        codes.append(told(app.broken))
        left = await unsettled(app, as_json=True)
    if not as_json:
        print("Nothing was done: neither Consentio, nor the ERP, nor the database was changed.")
    return max(codes) or (NEEDS_A_PERSON if left else 0)


async def _turn(lane: "Lane", script: "Script", *, as_json: bool) -> int:
    from daemon.cli.failures import told
    from daemon.log import visible

    report = await lane.cycle()
    if as_json:
        print(json.dumps(_plain(lane.way.workspace, report, script)))
    else:
        print("\n".join(visible(line) for line in _lines(lane.way.workspace, report, script)))
    return told(report.troubles.values())


def _plain(workspace: str, report: "Report", script: "Script") -> dict[str, Any]:
    troubles = {direction.value: str(trouble) for direction, trouble in report.troubles.items()}
    steps = [{"order": step.order_id, "what": step.what, "words": step.words} for step in script.steps]
    return {"workspace": workspace, "tally": report.tally.counts(), "troubles": troubles, "steps": steps}


def _lines(workspace: str, report: "Report", script: "Script") -> Iterator[str]:
    counts = ", ".join(f"{name} {count}" for name, count in report.tally.counts().items())
    nothing = "cannot be told" if report.troubles else "nothing to do"
    yield f"workspace {workspace}: {counts or nothing}"
    for order_id, steps in _by_order(script.steps).items():
        if order_id is not None:
            yield f"  order {order_id}"
        yield from (line for step in steps for line in _step_lines(step, "  " if order_id is None else "    "))


def _by_order(steps: "Sequence[Step]") -> "Mapping[str | None, list[Step]]":
    """What concerns the whole workspace first, then each order as it comes."""
    grouped: dict[str | None, list[Step]] = {None: []}
    for step in steps:
        grouped.setdefault(step.order_id, []).append(step)
    return grouped


def _step_lines(step: "Step", margin: str) -> Iterator[str]:
    first, *rest = _words(step).splitlines()
    yield f"{margin}{first}"
    yield from (f"{margin}  {line}" for line in rest)


def _words(step: "Step") -> str:
    if step.what in _IN_THE_ERP:
        return f"in the ERP: {step.words}"
    if step.what in _ON_CONSENTIO:
        return f"on Consentio: {step.what}" + (f", {step.words}" if step.words else "")
    return f"{step.what}: {step.words}" if step.words else step.what
