"""What the demo says between the daemon's own log lines."""

import threading

import typer

from daemon.sandbox.book import Posting

_HAPPENED = {
    "place": "is placed",
    "accept": "is accepted",
    "edit": "is edited",
    "edit_back": "is edited back to what it was",
    "cancel": "is cancelled",
    "reaccept": "is accepted after all",
}
_IMPORTED = {"create": "imports order {0} as {1}", "update": "imports a change of {1}", "cancel": "imports the cancel of {1}"}
_REFUSED = "refuses order {0} for now: {1}"


class Teller:
    """Says one line at a time, from any thread; in colours where there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def tell(self, words: str) -> None:
        """A sentence of the narrator's."""
        self.say(f"— {words} —", colour="yellow")

    def happened(self, deed: str, order: int) -> None:
        """Something happened on the market."""
        self.say(f"market  order {order} {_HAPPENED[deed]}", colour="cyan")

    def imported(self, posting: Posting) -> None:
        """The ERP imported a document."""
        if posting.answer.get("refused"):
            why = ", ".join(posting.answer.get("missing", [])) or posting.answer["reason"]
            self.say(f"ERP     {_REFUSED.format(posting.order, why)}", colour="red")
        else:
            name = posting.answer.get("number") or posting.record
            self.say(f"ERP     {_IMPORTED[posting.kind].format(posting.order, name)}", colour="green")

    def say(self, line: str, *, colour: str | None = None) -> None:
        with self._lock:
            typer.secho(line, fg=colour)
