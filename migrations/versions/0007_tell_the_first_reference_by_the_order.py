"""Tell the first reference of an order by the order itself: a row in the ledger for it doubles what most orders cost there."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("orders", sa.Column("first_told_id", sa.Text()))
    op.add_column("orders", sa.Column("first_told_at", sa.DateTime(timezone=True)))
