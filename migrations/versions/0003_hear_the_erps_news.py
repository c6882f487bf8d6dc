"""Hear the ERP's news."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_MOMENT = sa.DateTime(timezone=True)
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORD = sa.String(16)


def _only(condition: str) -> dict[str, sa.TextClause]:
    """An index of the rows that fulfil a condition."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _orders()
    _news()
    _errands()


def _orders() -> None:
    """Until now Consentio was told the record's own id."""
    op.add_column("orders", sa.Column("erp_number", sa.Text()))
    op.add_column("orders", sa.Column("erp_cancelled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("orders", sa.Column("erp_news_at", _MOMENT))
    op.execute("UPDATE orders SET erp_number = erp_record")
    op.create_index("ix_orders_record", "orders", ["workspace", "erp_record"], **_only("erp_record IS NOT NULL"))


def _news() -> None:
    """The table was there, and nothing ever wrote to it."""
    op.drop_table("news")
    op.create_table(
        "news",
        sa.Column("serial", _NUMBER, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("status", sa.Text()),
        sa.Column("number", sa.Text()),
        sa.Column("total", sa.Text()),
        sa.Column("key", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("order_id", sa.Text()),
        sa.Column("heeded_at", _MOMENT),
        sa.Column("outcome", sa.Text()),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_news_workspace"),
        sa.PrimaryKeyConstraint("serial", name="pk_news"),
        sa.UniqueConstraint("workspace", "digest", name="uq_news"),
    )
    op.create_index("ix_news_recorded", "news", ["workspace", "recorded_at"])
    op.create_index("ix_news_unheeded", "news", ["workspace", "recorded_at"], **_only("heeded_at IS NULL"))
    op.create_index("ix_news_order", "news", ["workspace", "order_id"])


def _errands() -> None:
    op.create_table(
        "errands",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("record", sa.Text()),
        sa.Column("revision", _NUMBER, nullable=False),
        sa.Column("attempts", _NUMBER, nullable=False),
        sa.Column("due_at", _MOMENT),
        sa.Column("done_at", _MOMENT),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_errands_workspace"),
        sa.PrimaryKeyConstraint("workspace", "order_id", "kind", name="pk_errands"),
    )
    op.create_index("ix_errands_due", "errands", ["workspace", "due_at"], **_only("due_at IS NOT NULL"))
    op.create_index("ix_errands_done", "errands", ["workspace", "done_at"])
