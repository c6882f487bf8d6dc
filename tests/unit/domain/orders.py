"""Orders for tests of the domain: one valid order, any field overridable."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from daemon.domain.content import digest
from daemon.domain.ledger import Stream
from daemon.domain.order import Address, Line, Order, Status
from daemon.domain.reading import Reading
from daemon.domain.state import WorkspaceState

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
DAY = (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
WORKSPACE = WorkspaceState(
    id="123", api_url="u", adapter="files", adapter_identity="f", start_wall=NOW - timedelta(days=1), inventory_at=NOW
)


def order(**fields: object) -> Order:
    """An accepted order of two lines."""
    whole = Order(
        id="5001",
        hash_id="abc",
        status=Status.ACCEPTED,
        created_at=NOW,
        updated_at=NOW,
        counterpart_id_seller="C-17",
        deliver_to=Address(id="9", external_id="A-1", city="Murcia"),
        lines=(
            Line(id="2", sku="LEM", amount=Decimal(3), unit="box", price=Decimal("1.10")),
            Line(id="1", sku="TOM", amount=Decimal(10), unit="box", price=Decimal("2.5")),
        ),
    )
    return replace(whole, **fields)  # type: ignore[arg-type]  # the record checks the names


def reading(ordinal: int = 1, *, stream: Stream = Stream.ACCEPTED, **fields: object) -> Reading:
    """A reading of `order(**fields)`."""
    whole = order(**fields)
    cell = None if stream is Stream.EDITED else DAY
    return Reading(order=whole, digest=digest(whole), raw=b"{}", ordinal=ordinal, stream=stream, cell=cell)
