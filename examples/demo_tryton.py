"""`make demo-tryton`: an imitated Consentio, the real daemon and a real Tryton on this machine, and the account in the end.

Tryton is installed into a cache for the first time (about a minute and a half), later runs start at once. A clerk confirms some
sales meanwhile, answers get lost, Tryton is away for a moment, and the daemon is killed. What is printed at the end was read from
Tryton and from the market by somebody who asks the daemon nothing.
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.tryton import Unavailable, running_tryton, version
from tests.support.tryton_job import Account, Plan, run_job

_PLAN = Plan(orders=24, seconds=20, kills=1, confirmations=4, cancellations=1, seed=3)
_BEGAN = time.monotonic()


def tell(words: str) -> None:
    """One line, with the seconds since the start."""
    print(f"{time.monotonic() - _BEGAN:6.1f} s  {words}", flush=True)


def main() -> int:
    """Exit code 0 if both sides hold the same, 1 if not, 6 if no Tryton can be made here."""
    tell(f"a Tryton {version()} is made ready (the first time it is installed, which takes a while)")
    try:
        with running_tryton() as server, tempfile.TemporaryDirectory(prefix="consentio-demo-") as folder:
            tell("Tryton runs, with a fruit shop in it; the market opens, and the daemon starts")
            return show(run_job(_PLAN, Path(folder), server, tell))
    except Unavailable as reason:
        print(f"No Tryton can be made here: {reason}\n→ It needs Python 3.11 to 3.13 and a way to PyPI.", file=sys.stderr)
        return 6


def show(account: Account) -> int:
    """The balance, sale by sale."""
    print(f"\n{'order':<8}{'reference':<16}{'sale':<7}{'state':<12}{'shipped on':<12}{'total':>10}")
    for sale in sorted(account.sales, key=lambda sale: sale.reference):
        said = f"{sale.order:<8}{sale.reference:<16}{sale.number or '-':<7}{sale.state:<12}{sale.shipped_on:<12}{sale.total:>10}"
        print(said + ("  left to a person" if sale.order in account.left else ""))
    states = Counter(sale.state for sale in account.sales)
    print(f"\non the market: {_counted(account.deeds)}")
    print(f"in Tryton:     {_counted(states)}")
    print(f"a clerk did:   {_counted(account.pressed)}")
    print(f"what broke:    {_counted(account.struck)}")
    for order, reason in account.left.items():
        print(f"for a person:  order {order}: {reason}")
    for finding in account.findings:
        print(f"WRONG:         {finding}")
    balances = account.came_to_rest and not account.findings
    print("\nBoth sides balance." if balances else "\nThe sides do not balance.")
    return 0 if balances and account.code == 0 else 1


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{what} × {count}" for what, count in counts.most_common()) or "nothing"


if __name__ == "__main__":
    sys.exit(main())
