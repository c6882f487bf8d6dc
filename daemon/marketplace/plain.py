"""Orders written as the vendor's pages say, read in half the time: msgspec checks their types, and few steps of ours are left.

Whatever is odd about an order is left to the patient reader; where this one answers, that one would say the same. Fields that are
new at the vendor are learnt, lest the first of them make every reading slow for good.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Self

import msgspec
from msgspec.structs import asdict

from daemon.domain.order import Address, Line, Order, Status
from daemon.marketplace.drift import Notice, notice_field, notice_values
from daemon.marketplace.records import ADDRESS, LINE, ORDER, Reader, Shape
from daemon.marketplace.scalars import are_fit, flag, ident, moment, number, parse_float

#: More new fields, or longer names, are no new version of the vendor's; orders that have such are read patiently.
_MOST_NEW = 50
_LONGEST_NEW = 60

_ID = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | str
#: What msgspec lets pass for each of our readers. Numbers are Any: so they are read exactly, and msgspec takes no text for one.
_TYPES: dict[Reader, Any] = {ident: _ID | None, flag: bool | None, moment: str | None}

#: The same whole numbers return all the time; one Decimal serves them all. Only for integers: to a cache, 1 and 1.0 are one.
_shared_number = lru_cache(maxsize=2_000)(number)
#: And so do the places of delivery.
_shared_place = lru_cache(maxsize=500)(Address)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of record: its type for msgspec, and how what msgspec found becomes what we hold."""

    type: type[msgspec.Struct]
    texts: Collection[str]
    numbers: Collection[str]
    idents: Collection[str]
    moments: Collection[str]
    #: Fields that the vendor's pages do not mention: from their names in `type` to those on the wire.
    new: Mapping[str, str]

    @classmethod
    def of(cls, shape: Shape, new: Iterable[str], *nested: tuple[str, Any] | tuple[str, Any, None]) -> Self:
        """`nested` are the fields that are read apart: their names, types, and None where they may be absent."""
        renamed = {f"new_{place}": name for place, name in enumerate(new)}
        fields = [
            *nested,
            *((name, str | None, None) for name in shape.texts),
            *((name, Any, None) for name in shape.numbers),
            *((name, _TYPES[read], None) for name, read in shape.others.items()),
            *((name, Any, msgspec.UNSET) for name in renamed),
        ]
        names = {"lines": "items", **renamed}
        return cls(
            type=msgspec.defstruct(cls.__name__, fields, forbid_unknown_fields=True, gc=False, rename=names),
            texts=shape.texts,
            numbers=shape.numbers,
            idents={"id", *(name for name, read in shape.others.items() if read is ident)},
            moments=[name for name, read in shape.others.items() if read is moment],
            new=renamed,
        )

    def fields(self, record: msgspec.Struct, *, fit: bool) -> dict[str, Any]:
        """All that the record says, nested ones as they are. `fit` says that none of its texts can be unfit.

        Loops and no calls: this is where the time of reading goes.
        """
        found = asdict(record)
        if not (fit or are_fit([found[name] for name in self.texts])):
            raise ValueError("a text is unfit")
        for name in self.texts:
            if not found[name]:
                found[name] = None
        for name in self.numbers:
            value = found[name]
            if type(value) is int:
                found[name] = _shared_number(value)
            elif type(value) is not Decimal:
                found[name] = number(value)
        for name in self.idents:
            value = found[name]
            found[name] = str(value) if type(value) is int else ident(value)
        for name in self.moments:
            found[name] = moment(found[name])
        for name in self.new:
            del found[name]
        return found

    def notice(self, record: msgspec.Struct, prefix: str, notice: Notice) -> None:
        for name, said in self.new.items():
            if getattr(record, name) is not msgspec.UNSET:
                notice_field(prefix, said, notice)


class _Grammar:
    """All kinds of records of an order, and how its bytes are taken apart. It never changes."""

    def __init__(self, new: Mapping[str, frozenset[str]]) -> None:
        self.new = new
        self._line = _Kind.of(LINE, new["items"], ("id", _ID))
        self._place = _Kind.of(ADDRESS, new["places"])
        self._order = _Kind.of(
            ORDER,
            new["order"],
            ("id", _ID),
            ("status", Status),
            ("lines", list[self._line.type] | None, None),  # type: ignore[name-defined]  # the type is made right here
            ("deliver_to", self._place.type | None, None),
            ("pickup_from", self._place.type | None, None),
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(self._order.type, float_hook=parse_float)

    def order(self, raw: bytes) -> tuple[Order, Any]:
        """The order, and what it was made of. ValueError, ArithmeticError and RecursionError leave it to the patient reader."""
        said = self._decoder.decode(raw)
        # What is unfit is written with a backslash, or is DEL, or begins with the byte C2: msgspec refuses the rest of it.
        fit = b"\\" not in raw and b"\x7f" not in raw and b"\xc2" not in raw
        fields = self._order.fields(said, fit=fit)
        if not fields["id"]:
            raise ValueError("no id")
        fields["lines"] = self._lines(said.lines, fit=fit)
        fields["deliver_to"] = self._address(said.deliver_to, fit=fit)
        fields["pickup_from"] = self._address(said.pickup_from, fit=fit)
        return Order.of(fields), said

    def _lines(self, said: Sequence[Any] | None, *, fit: bool) -> tuple[Line, ...]:
        lines = [self._line.fields(line, fit=fit) for line in said or ()]
        ids = {line["id"] for line in lines}
        if len(ids) < len(lines) or None in ids:
            raise ValueError("a line has no id of its own")
        return tuple([Line.of(line) for line in lines])

    def _address(self, said: Any, *, fit: bool) -> Address | None:
        fields = self._place.fields(said, fit=fit) if said else {}
        return _shared_place(**fields) if any(fields.values()) else None

    def notice(self, order: Order, said: Any, notice: Notice) -> None:
        notice_values(order, notice)
        self._order.notice(said, "", notice)
        for line in said.lines or ():
            self._line.notice(line, "items.", notice)
        for name in ("deliver_to", "pickup_from"):
            if (place := getattr(said, name)) is not None:
                self._place.notice(place, name + ".", notice)


class PlainReader:
    """Reads what is plain, and learns which fields are new at the vendor."""

    def __init__(self) -> None:
        self._grammar = _Grammar(dict.fromkeys(("order", "places", "items"), frozenset()))

    def read(self, raw: bytes, notice: Notice | None) -> Order | None:
        """The order in these bytes; None if the patient reader must look, and nothing was noticed."""
        grammar = self._grammar
        try:
            order, said = grammar.order(raw)
        except (ValueError, ArithmeticError, RecursionError):
            return None
        if notice is not None:
            grammar.notice(order, said, notice)
        return order

    def learn(self, order: Mapping[str, Any]) -> None:
        """From now on, the new fields of this good order make no other one odd."""
        known = self._grammar.new
        new = {
            "order": known["order"] | _new(ORDER, [order]),
            "places": known["places"] | _new(ADDRESS, [order.get("deliver_to"), order.get("pickup_from")]),
            "items": known["items"] | _new(LINE, order.get("items") or ()),
        }
        if known != new and sum(map(len, new.values())) <= _MOST_NEW:
            self._grammar = _Grammar(new)


def _new(shape: Shape, records: Iterable[Mapping[str, Any] | None]) -> set[str]:
    """The fields that the vendor's pages do not mention, if they may be learnt."""
    names = set[str]().union(*filter(None, records)) - shape.names()
    return {name for name in names if name.isprintable() and len(name) <= _LONGEST_NEW}
