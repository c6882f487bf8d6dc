"""How the ERP's words for where a record stands are spelt on Consentio."""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: What an `external_status` may be long: the vendor's purchase needs allow so many characters, and orders document none.
MAX_STATUS = 32


@dataclass(frozen=True, slots=True)
class Spelling:
    """The ERP's words and ours; what has no spelling passes as it is, or is held back: Consentio keeps the last one told."""

    words: Mapping[str, str] = field(default_factory=dict)
    holds_others: bool = False

    def of(self, status: str | None, *, told: str | None) -> str | None:
        """What Consentio is told of a status, when it was last told `told`."""
        if status is None:
            return None
        if status in self.words:
            return self.words[status]
        return told if self.holds_others else status[:MAX_STATUS]
