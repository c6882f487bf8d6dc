"""What one cycle did, in numbers. Tallies can be added."""

from dataclasses import dataclass

#: Counts of what happens at every cycle, whether there is news or not.
#: An unreadable element is listed again and again; when its order is parked for it, that counts as `parked`.
_ROUTINE = frozenset({"requests", "fetched", "unchanged", "unreadable"})


@dataclass(frozen=True, kw_only=True)  # without slots: one is added for every order, and a dict is copied at once
class Tally:
    """Counts of one cycle; the roof turns them into one log line, metrics and a health state."""

    requests: int = 0
    fetched: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    stale: int = 0
    unreadable: int = 0
    #: Those that are older than going live: of the new ones, and of those whose reference proved to be from elsewhere.
    baseline: int = 0
    #: Of the new ones, those that were parked as older than the start wall; and those of any age that a person let through.
    older: int = 0
    let_through: int = 0
    #: Of those let through, those that bear a reference of the seller's: what the ERP does not have stays baseline.
    referenced: int = 0
    created: int = 0
    updated: int = 0
    canceled: int = 0
    adopted: int = 0
    parked: int = 0
    braked: int = 0
    #: Of the created and updated ones, those that the ERP booked otherwise.
    mismatched: int = 0
    retrying: int = 0
    in_doubt: int = 0
    #: News from the ERP that were recorded, and those that an order heard.
    news: int = 0
    heard: int = 0
    told: int = 0
    seen: int = 0
    #: What Consentio was asked to do: marked as prepared, canceled there.
    prepared: int = 0
    canceled_remote: int = 0
    refused: int = 0
    missing: int = 0
    pruned: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        both = object.__new__(Tally)
        both.__dict__.update(self.__dict__)
        both.__dict__.update({name: self.__dict__[name] + count for name, count in other.__dict__.items() if count})
        return both

    def __bool__(self) -> bool:
        """Whether anything happened beyond reading what was known."""
        return any(count for name, count in self.__dict__.items() if name not in _ROUTINE)

    @property
    def balances(self) -> bool:
        """Every element that was fetched is accounted for."""
        return self.fetched == self.new + self.changed + self.unchanged + self.stale + self.unreadable

    def counts(self) -> dict[str, int]:
        """The figures that are not zero, for a log line."""
        return {name: count for name, count in self.__dict__.items() if count}
