"""Whole records off the wire: which fields a kind of record has, and how each is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from daemon.marketplace.scalars import number, text, texts

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The fields of a record, by how they are read; `nested` ones are read apart."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    others: Mapping[str, Reader] = field(default_factory=dict)
    nested: tuple[str, ...] = ()

    def names(self) -> frozenset[str]:
        return frozenset((*self.texts, *self.numbers, *self.others, *self.nested))

    def fields(self, record: Mapping[str, Any], where: str = "", place: int = 0) -> dict[str, Any]:
        """Every field but the nested, absent ones as None; ValueError names the first that cannot be read, and its place."""
        get = record.get
        try:
            found: dict[str, Any] = texts(get, self.texts)
            for name in self.numbers:
                value = get(name)
                found[name] = value if type(value) is Decimal else number(value)
            for name, read in self.others.items():
                found[name] = read(get(name))
        except ValueError:
            raise ValueError(where.format(place) + self._culprit(record)) from None
        return found

    def _culprit(self, record: Mapping[str, Any]) -> str:
        """Found by reading again, so that good records pay nothing for it."""
        readers = dict.fromkeys(self.texts, text) | dict.fromkeys(self.numbers, number) | dict(self.others)
        for name, read in readers.items():
            try:
                read(record.get(name))
            except ValueError as problem:
                return f"{name} {problem}"
        raise AssertionError
