"""What the vendor leaves open, one switch for each reading of it. A client must work under every setting."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints


class UnknownSwitch(ValueError):
    """A switch or a position of a switch that does not exist."""


@dataclass(frozen=True, slots=True)
class Switches:
    """The readings of the API that are in force. The defaults are the likeliest ones."""

    # Which orders a range holds, and how large a range may be
    date_filter: Literal["created", "updated", "accepted", "delivery"] = "created"
    to_is_inclusive: bool = True
    status_required: bool = False
    refuses_future: bool = False
    max_range_days: float | None = None
    max_orders: int | None = None
    too_large: Literal["413", "400", "cut"] = "413"  # "cut" answers with the first `max_orders` and says nothing

    # The edited list
    edited_since: str = "from"
    edited_lists_cancels: bool = True
    edited_keeps_after_seen: bool = False
    seen_bumps_updated: bool = False

    # updated_at: to the microsecond, to the second, never moved, absent, or an hour back with each change
    updated_at: Literal["fine", "coarse", "still", "missing", "regress"] = "fine"

    # Bodies; an empty envelope is a bare array
    push_key: Literal["id", "hash_id"] = "id"
    external_envelope: str = "orders"
    seen_envelope: str = "order_ids"
    cancel_field: str = "status"
    cancel_value: str = "canceled"

    # What PUT external does beside its work
    external_is_edit: bool = False
    external_bumps_updated: bool = True
    external_refuses: tuple[int, ...] = ()  # order ids that always get an error
    external_all_or_nothing: bool = False  # one bad record and the whole request is refused with 422

    # Tokens
    token_lifetime: float = 3600.0  # seconds
    token_shape: Literal["jwt", "opaque"] = "jwt"

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            if get_origin(kind) is Literal and value not in get_args(kind):
                choice = ", ".join(get_args(kind))
                raise UnknownSwitch(f"switch {name}: {value!r} is not one of {choice}")

    def changed(self, **positions: Any) -> "Switches":
        """These switches with some of them put elsewhere; UnknownSwitch says which does not exist."""
        for name, value in positions.items():
            if name not in _KINDS:
                raise UnknownSwitch(f"there is no switch {name!r}; there are: {', '.join(_KINDS)}")
            if not _fits(value, _KINDS[name]):
                raise UnknownSwitch(f"switch {name}: {value!r} is of the wrong type")
        wanted: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in positions.items()}
        return replace(self, **wanted)

    def shown(self) -> dict[str, Any]:
        return asdict(self)


_HINTS = get_type_hints(Switches)
_KINDS: dict[str, Any] = {switch.name: _HINTS[switch.name] for switch in fields(Switches)}


def _fits(value: object, kind: Any) -> bool:
    if get_origin(kind) is Literal or kind is str:
        return isinstance(value, str)
    if kind is bool:
        return isinstance(value, bool)
    if get_origin(kind) is tuple:
        return isinstance(value, list | tuple) and all(type(each) is int for each in value)
    return (value is None and kind is not float) or type(value) in (int, float)
