"""What must be there before an order can go to Tryton, each with its remedy. Nothing is written."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from daemon.erp.tryton.desk import Desk
from daemon.erp.tryton.rest import KeyRefused, Rest
from daemon.erp.tryton.settings import TrytonSettings
from daemon.erp.tryton.wire import Shown
from daemon.errors import AdapterError

#: The first series with a REST interface.
_FIRST = (8, 0)
#: What is done with each model.
_RIGHTS = {
    **dict.fromkeys(("sale.sale", "sale.line"), ("read", "write", "create", "delete")),
    **dict.fromkeys(("party.party", "party.address", "party.identifier"), ("read",)),
    **dict.fromkeys(("product.product", "product.category", "product.uom", "currency.currency"), ("read",)),
    "stock.shipment.out": ("read",),
}
_AMENDING = {"sale.amendment": ("read", "create", "delete"), "sale.amendment.line": ("read", "create", "delete")}
_BUTTONS = ("quote", "confirm", "draft", "cancel")
#: What a rule over sales may speak of without hiding one of ours.
_HARMLESS_RULES = ("company",)


async def find_company(desk: Desk, settings: TrytonSettings) -> int:
    """The company that sales are made for, by its name or as the user's own."""
    if settings.company is not None:
        found = await desk.search("company.company", [["party.name", "=", settings.company]], ["party.name"])
        if len(found) != 1:
            remedy = "Correct `company`, and let the import user belong to it."
            raise AdapterError(f"Tryton shows {len(found)} companies called '{settings.company}'", remedy=remedy)
        return int(found[0]["id"])
    company = (await preferences(desk)).get("company")
    if not company:
        raise AdapterError("Tryton's import user has no company", remedy="Give the user a company, or name one in `company`.")
    return int(company)


async def preferences(desk: Desk) -> Shown:
    """Who we are: company and groups. None where there is no such database, or no REST."""
    told: Shown | None = await desk.ask("res.user/get_preferences", {"context_only": True})
    if told is None:
        raise AdapterError(
            "Tryton has no such database, or no REST interface",
            remedy="Check base_url and database; Tryton must be 8.0 or newer.",
        )
    return told


async def check(rest: Rest, settings: TrytonSettings) -> None:
    """Raises AdapterError with a remedy, or ErpUnavailable while Tryton is away."""
    await _check_version(rest)
    desk = Desk(rest)
    try:
        groups = set((await preferences(desk)).get("groups", ()))
        await find_company(desk, settings)
    except KeyRefused as refused:  # a matter of the set-up, not of patience
        raise AdapterError(str(refused), remedy=refused.remedy) from None
    amends = settings.after_confirmation == "amend"
    await _check_modules(desk, ["sale", "sale_amendment"] if amends else ["sale"])
    await _check_rights(desk, {**_RIGHTS, **_AMENDING} if amends else _RIGHTS)
    await _check_buttons(desk, "sale.sale", _BUTTONS, groups)
    if amends:
        await _check_buttons(desk, "sale.amendment", ("validate_amendment",), groups)
    await _check_rules(desk)


async def _check_version(rest: Rest) -> None:
    version = await rest.version()
    numbers = tuple(int(part) for part in (version or "").split(".")[:2] if part.isdecimal())
    if len(numbers) == 2 and numbers < _FIRST:
        raise AdapterError(
            f"this is Tryton {version}, which has no REST interface",
            remedy="The adapter needs Tryton 8.0 or newer; 7.0 is not supported yet.",
        )


async def _check_modules(desk: Desk, names: Sequence[str]) -> None:
    active = await desk.search("ir.module", [["name", "in", names], ["state", "=", "activated"]], ["name"])
    if lacking := sorted(set(names) - {shown["name"] for shown in active}):
        remedy = "Activate them under Administration > Modules."
        raise AdapterError(f"Tryton lacks the module {', '.join(lacking)}", remedy=remedy)


async def _check_rights(desk: Desk, wanted: Mapping[str, Sequence[str]]) -> None:
    """What may not be read is left out of answers without a word, so it is asked for beforehand."""
    access = await desk.ask("ir.model.access/get_access", {"models": sorted(wanted)})
    if lacking := [f"{right} {model}" for model, rights in wanted.items() for right in rights if not access[model][right]]:
        remedy = "Give the user the group Sales and, to amend confirmed sales, Sale Amendment (Administration > Users)."
        raise AdapterError(f"Tryton's import user may not {', '.join(lacking)}", remedy=remedy)


async def _check_buttons(desk: Desk, model: str, names: Iterable[str], groups: set[int]) -> None:
    domain = [["model", "=", model], ["name", "in", list(names)]]
    for button in await desk.search("ir.model.button", domain, ["name", "groups.name"]):
        allowed = {group["id"]: group["name"] for group in button.get("groups") or ()}
        if allowed and not allowed.keys() & groups:
            raise AdapterError(
                f"Tryton's import user may not press {button['name']} of {model}",
                remedy=f"Give the user one of the groups {', '.join(sorted(allowed.values()))}.",
            )


async def _check_rules(desk: Desk) -> None:
    """A sale that a rule hides would be made a second time: only rules over companies are known to hide none of ours."""
    for group in await desk.search("ir.rule.group", [["model", "=", "sale.sale"]], ["name", "rules.domain"]):
        for rule in group.get("rules") or ():
            if not all(word in _HARMLESS_RULES for word in _fields_of(rule.get("domain") or "")):
                raise AdapterError(
                    f"Tryton's record rule '{group['name']}' can hide sales from a search",
                    remedy="Exempt the import user from it: a sale that cannot be found would be made twice.",
                )


def _fields_of(domain: str) -> set[str]:
    """The fields that a stored domain speaks of; one that cannot be read speaks of "?"."""
    try:
        return set(_clauses(json.loads(domain)))
    except ValueError:
        return {"?"}


def _clauses(domain: object) -> Iterator[str]:
    if not isinstance(domain, list):
        return
    if len(domain) > 2 and isinstance(domain[0], str) and isinstance(domain[1], str):
        yield domain[0].partition(".")[0]
        return
    for part in domain:
        yield from _clauses(part)
