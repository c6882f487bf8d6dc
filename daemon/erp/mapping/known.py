"""What an ERP knows of the things an order names, in words that suit every ERP. An adapter fills these in from its look-ups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One of the ERP's units. Units of one `kind` (weight, pieces) are converted into each other by the ERP itself."""

    id: str
    name: str
    kind: str
    #: How many of its kind's base unit it is.
    size: Fraction = Fraction(1)
    #: How many decimals a quantity in it may have.
    digits: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product that can be sold. `unit` is the one that it is usually sold in; others of the same kind may be used."""

    id: str
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address of a customer. `codes` are all that it may be called by."""

    id: str
    codes: frozenset[str] = frozenset()
    street: str = ""
    postal_code: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer with the addresses that goods may be sent to."""

    id: str
    places: Sequence[Place] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the look-ups for one order found. Each code leads to all that bear it: two are as good as none."""

    #: By the ERP's code.
    customers: Mapping[str, Sequence[Customer]] = field(default_factory=dict)
    products: Mapping[str, Sequence[Product]] = field(default_factory=dict)
    #: By the code under the bars.
    eans: Mapping[str, Sequence[Product]] = field(default_factory=dict)
    #: By every name and symbol.
    units: Mapping[str, Unit] = field(default_factory=dict)
    #: The currencies that the ERP can book, by ISO code; None where it need not be asked.
    currencies: frozenset[str] | None = None
    #: How many decimals a price may have.
    price_digits: int = 4
