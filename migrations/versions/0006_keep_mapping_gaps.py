"""Keep mapping gaps."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_MISSING = sa.text("missing <> '[]'")


def upgrade() -> None:
    op.create_table(
        "gaps",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_gaps_workspace"),
        sa.PrimaryKeyConstraint("workspace", "key", name="pk_gaps"),
    )
    op.create_index("ix_orders_missing", "orders", ["workspace", "id"], sqlite_where=_MISSING, postgresql_where=_MISSING)
