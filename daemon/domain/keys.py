"""Keys name effects, in our ledger and in the ERP."""

import hashlib
import secrets

#: What a key may be long: the shortest reference field of the ERPs we looked at.
MAX_KEY = 32


def create_key(workspace: str, order_id: str, incarnation: int) -> str:
    """The key of a create: derivable, so that a database that forgot can ask again.

    The first incarnation is 1 and bears no suffix.
    """
    suffix = f"-{incarnation}" if incarnation > 1 else ""
    key = f"c{workspace}-{order_id}{suffix}"
    if len(key) <= MAX_KEY:
        return key
    return "h" + hashlib.sha256(key.encode()).hexdigest()[: MAX_KEY - 1]


def random_key(letter: str) -> str:
    """The key of an update (`u`), a cancel (`x`) or a push: minted with the intent, never derivable (A6)."""
    return letter + secrets.token_hex(12)
