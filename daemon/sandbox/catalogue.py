"""What the imitated market trades in: produce, buyers and the baskets that they order.

Everything is drawn from the random source that is handed in, so the same seed brings the same market.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from daemon.sandbox.order import Address, Buyer, Content, Item, Product


def ean13(body: str) -> str:
    """The EAN-13 code with these twelve digits and the check digit that GS1 prescribes."""
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-weighted % 10)


def hash_id(*parts: object) -> str:
    """An identifier that nobody guesses by counting, and that is the same for the same parts."""
    return hashlib.blake2s("/".join(map(str, parts)).encode(), digest_size=12).hexdigest()


# SKU, name, origin, unit of sale, unit of the price, usual price, kilograms in one unit of sale
_SHELF = (
    ("TOM-RAF-6", "Tomate Raf 6 kg", "ES", "box", "kg", "3.10", "6"),
    ("TOM-PERA-10", "Tomate pera 10 kg", "ES", "box", "kg", "1.45", "10"),
    ("TOM-CHERRY-250", "Cherry tomatoes on the vine 250 g", "ES", "unit", "unit", "0.95", "0.25"),
    ("LIM-VERNA", "Limón Verna", "ES", "kg", "kg", "1.12", "1"),
    ("NAR-NAVEL-15", "Naranja Navel 15 kg", "ES", "box", "kg", "0.89", "15"),
    ("MAND-CLEM", "Clementina con hoja", "ES", "kg", "kg", "1.38", "1"),
    ("PIM-ROJO-5", "Pimiento rojo California 5 kg", "ES", "box", "box", "9.75", "5"),
    ("PEP-ALM", "Pepino Almería", "ES", "kg", "kg", "0.98", "1"),
    ("CAL-VERDE", "Calabacín verde", "ES", "kg", "kg", "0.84", "1"),
    ("AGU-HASS-4", "Aguacate Hass 4 kg", "PE", "box", "kg", "4.25", "4"),
    ("MANG-KENT-6", "Mango Kent 6 kg", "BR", "box", "box", "14.40", "6"),
    ("PLAT-CAN-18", "Plátano de Canarias 18 kg", "ES", "box", "kg", "1.66", "18"),
    ("FRES-2", "Fresón de Huelva 2 kg", "ES", "box", "box", "6.80", "2"),
    ("LECH-ICE-10", "Iceberg lettuce, 10 pieces", "ES", "box", "unit", "0.62", "5"),
    ("AJO-MOR", "Ajo morado de Las Pedroñeras", "ES", "kg", "kg", "3.95", "1"),
    ("CEB-FIG-10", "Cebolla de Figueres 10 kg", "ES", "box", "kg", "1.05", "10"),
    ("PAT-AGRIA-25", "Patata agria 25 kg", "FR", "box", "kg", "0.58", "25"),
    ("PERA-CONF", "Pera conferencia", "BE", "kg", "kg", "1.29", "1"),
)
_PIECES_PER_BOX = {"LECH-ICE-10": Decimal(10)}

_BUYERS = (
    (
        "C-0101",
        "Frutas Hermanos Vidal",
        "DEL-01",
        "Carrer de la Marina 101",
        "Barcelona",
        "08018",
        "Catalunya",
        "ES",
    ),
    ("C-0114", "Mercat Sud SL", "DEL-07", "Mercabarna, parada 3104", "Barcelona", "08040", "Catalunya", "ES"),
    ("C-0127", "Verduras del Ebro", "DEL-01", "Calle Miguel Servet 57", "Zaragoza", "50013", "Aragón", "ES"),
    ("C-0133", "Hostelería Gran Vía", "COC-2", "Gran Vía 28", "Madrid", "28013", "Comunidad de Madrid", "ES"),
    (
        "C-0148",
        "Primeurs du Roussillon",
        "QUAI-4",
        "Marché Saint-Charles",
        "Perpignan",
        "66000",
        "Occitanie",
        "FR",
    ),
    ("C-0152", "Müller Obst & Gemüse", "RAMPE-9", "Großmarktstraße 9", "München", "81371", "Bayern", "DE"),
    (
        "C-0169",
        "O'Brien Fresh Ltd",
        "BAY-12",
        "Saint Michan's Street 12",
        "Dublin",
        "D07 X2R5",
        "Leinster",
        "IE",
    ),
    (
        "C-0176",
        "Restaurante La Huerta",
        "DEL-01",
        "Plaza del Ayuntamiento 5",
        "Murcia",
        "30001",
        "Murcia",
        "ES",
    ),
)
_NOTES = (
    "",
    "",
    "",
    "Entregar antes de las 7:00",
    "Muelle 4, preguntar por Núria",
    "Tomates maduros, por favor",
    "Please ring the bell twice",
    "Palets europeos, sin film",
)
WAREHOUSE = Address(
    id=9001,
    external_id="ALM-1",
    name="Almacén central",
    street="Polígono Las Salinas 12",
    city="El Ejido",
    postal_code="04700",
    region="Andalucía",
    country="ES",
)


def _product(number: int, row: tuple[str, ...]) -> Product:
    sku, name, origin, unit, price_unit, price, weight = row
    return Product(
        id=300 + number,
        hash_id=hash_id("product", sku),
        sku=sku,
        ean_code=ean13(f"8437012{number:05d}"),
        display_name=name,
        origin=origin,
        unit=unit,
        price_unit=price_unit,
        price=Decimal(price),
        weight=Decimal(weight),
        pieces=_PIECES_PER_BOX.get(sku, Decimal(1)),
    )


def _buyer(number: int, row: tuple[str, ...]) -> Buyer:
    code, name, place, street, city, postal_code, region, country = row
    address = Address(
        id=700 + number,
        external_id=place,
        name=name,
        street=street,
        city=city,
        postal_code=postal_code,
        region=region,
        country=country,
    )
    return Buyer(id=50 + number, counterpart_id=code, code_of_seller=f"PROV-{number:03d}", address=address)


PRODUCTS = {row[0]: _product(number, row) for number, row in enumerate(_SHELF, start=1)}
BUYERS = {row[0]: _buyer(number, row) for number, row in enumerate(_BUYERS, start=1)}


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody wants of one product; without a price, the usual one holds."""

    sku: str
    amount: Decimal
    price: Decimal | None = None


def item(item_id: int, line: Line) -> Item:
    """The line as an item of an order; KeyError if the catalogue has no such SKU."""
    product = PRODUCTS[line.sku]
    price = product.price if line.price is None else line.price
    return Item(
        id=item_id,
        product=product,
        amount=line.amount,
        unit=product.unit,
        price=price,
        price_unit=product.price_unit,
    )


def basket(rng: Random, *, first_item: int, now: datetime) -> Content:
    """What some buyer orders at this moment, for one of the next days."""
    lines = [some_line(rng, sku) for sku in rng.sample(sorted(PRODUCTS), rng.randint(1, 6))]
    return Content(
        buyer=rng.choice(list(BUYERS.values())),
        items=tuple(item(first_item + place, line) for place, line in enumerate(lines)),
        delivery_method="pickup" if rng.random() < 0.15 else "delivery",
        delivery_at=some_delivery(rng, now),
        more_info=rng.choice(_NOTES),
    )


def some_line(rng: Random, sku: str) -> Line:
    """A usual quantity of this product, at about the usual price."""
    product = PRODUCTS[sku]
    amount = Decimal(rng.randint(8, 400)) / 2 if product.unit == "kg" else Decimal(rng.randint(1, 48))
    haggled = product.price * Decimal(rng.randint(92, 108)) / 100
    return Line(sku=sku, amount=amount, price=haggled.quantize(Decimal("0.01")))


def some_delivery(rng: Random, now: datetime) -> datetime:
    """An early morning within the next four days."""
    day = (now + timedelta(days=rng.randint(1, 4))).replace(minute=0, second=0, microsecond=0)
    return day.replace(hour=rng.choice((4, 5, 6, 7, 9)))


def some_note(rng: Random) -> str:
    """A remark as buyers leave it on an order, never an empty one."""
    return rng.choice([note for note in _NOTES if note])
