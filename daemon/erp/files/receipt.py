"""A receipt: what we remember of one effect for good, so that it is never done twice."""

import json
from dataclasses import dataclass

from daemon.domain.ledger import Kind
from daemon.erp.files.ascii import ascii_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One effect, signed for. It counts once its document has left the staging folder."""

    key: str
    kind: Kind
    order_id: str
    #: The key of the create that all documents about one order name.
    record: str
    #: The document's name in the inbox, and the one it bears until it is shown there.
    document: str
    staged: str
    #: Whose it is, where several share a folder.
    workspace: str = ""

    def to_bytes(self) -> bytes:
        """As JSON."""
        return ascii_json(self)

    @classmethod
    def among(cls, text: bytes, name: str) -> "Receipt":
        """The one of several, a line each, whose document was staged under this name; ValueError if there is none."""
        mark = f'"staged": "{name}.'.encode()
        line = next((line for line in text.splitlines() if mark in line), b"")
        return cls.from_bytes(line)

    @classmethod
    def from_bytes(cls, text: bytes) -> "Receipt":
        """Raises ValueError if it is none."""
        try:
            values = json.loads(text)
            return cls(**{**values, "kind": Kind(values["kind"])})
        except (TypeError, KeyError) as problem:
            raise ValueError(f"no receipt: {problem}") from problem


@dataclass(frozen=True, slots=True)
class Parcel:
    """A document on its way into the inbox, with the receipt that it will be signed for with."""

    receipt: Receipt
    content: bytes
