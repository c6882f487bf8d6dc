"""Brake mass changes: what a brake counts, and what a person released. Note amounts that the ERP booked otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COUNTED = sa.text("counted")


def upgrade() -> None:
    op.add_column("orders", sa.Column("released", _NUMBER, nullable=False, server_default="0"))
    op.add_column("orders", sa.Column("mismatch", sa.Text(), nullable=False, server_default=""))
    op.add_column("ledger", sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_ledger_counted",
        "ledger",
        ["workspace", "started_at"],
        sqlite_where=_COUNTED,
        postgresql_where=_COUNTED,
    )
