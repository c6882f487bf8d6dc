"""What a client must know, as plain values."""

from dataclasses import dataclass, field
from pathlib import Path

from daemon.marketplace.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings:
    """How to reach the API, and how much to ask of it."""

    base_url: str
    #: For one request, from the wait for a connection to the last byte of the answer.
    timeout_s: float = 30.0
    #: For each workspace; 0 is no limit.
    requests_per_second: float = 5.0
    #: Certificate authorities to trust besides the machine's own.
    ca_file: Path | None = None
    #: Of one answer, decompressed.
    max_answer_bytes: int = 64 * 2**20
    wire: Wire = field(default_factory=Wire)
    #: The longest wait that the API may ask for before a request is given up.
    retry_after_cap_s: float = 60.0
    #: How often one request is tried, if it may be repeated.
    tries: int = 3
