"""Create the tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_MOMENT = sa.DateTime(timezone=True)
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORD = sa.String(16)


def _only(condition: str) -> dict[str, sa.TextClause]:
    """An index of the rows that fulfil a condition."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "workspaces",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("epoch", _NUMBER, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("led_at", _MOMENT, nullable=False),
        sa.Column("api_url", sa.Text(), nullable=False),
        sa.Column("adapter", sa.Text(), nullable=False),
        sa.Column("adapter_identity", sa.Text(), nullable=False),
        sa.Column("start_wall", _MOMENT),
        sa.Column("inventory_at", _MOMENT),
        sa.Column("restored_at", _MOMENT),
        sa.Column("restore_open", sa.Boolean(), nullable=False),
        sa.Column("collected_at", _MOMENT),
        sa.Column("delivered_at", _MOMENT),
        sa.Column("acknowledged_at", _MOMENT),
        sa.Column("skew_s", sa.Float()),
        sa.Column("paused", sa.Text()),
        sa.Column("brake", sa.Text()),
        sa.Column("reports_cursor", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
    )
    op.create_table(
        "attempts",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT, nullable=False),
        sa.Column("outcome", _WORD, nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_attempts_workspace"),
        sa.PrimaryKeyConstraint("number", name="pk_attempts"),
    )
    op.create_index("ix_attempts_finished", "attempts", ["workspace", "finished_at"])
    op.create_index("ix_attempts_order", "attempts", ["workspace", "order_id"])
    op.create_table(
        "cursors",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("stream", _WORD, nullable=False),
        sa.Column("position", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_cursors_workspace"),
        sa.PrimaryKeyConstraint("workspace", "stream", name="pk_cursors"),
    )
    op.create_table(
        "ledger",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("revision", _NUMBER, nullable=False),
        sa.Column("incarnation", _NUMBER, nullable=False),
        sa.Column("record", sa.Text()),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT),
        sa.Column("outcome", _WORD),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_ledger_workspace"),
        sa.PrimaryKeyConstraint("workspace", "key", name="pk_ledger"),
    )
    op.create_index(
        "ix_ledger_finished", "ledger", ["workspace", "finished_at"], **_only("finished_at IS NOT NULL AND kind <> 'create'")
    )
    op.create_index("ix_ledger_order", "ledger", ["workspace", "order_id"])
    op.create_index(
        "ux_ledger_in_doubt",
        "ledger",
        ["workspace", "order_id"],
        unique=True,
        **_only("outcome IS NULL AND kind IN ('create', 'update', 'cancel')"),
    )
    op.create_table(
        "news",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_news_workspace"),
        sa.PrimaryKeyConstraint("number", name="pk_news"),
        sa.UniqueConstraint("workspace", "record", "what", "at", name="uq_news"),
    )
    op.create_index("ix_news_at", "news", ["workspace", "at"])
    op.create_table(
        "notes",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text()),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_notes_workspace"),
        sa.PrimaryKeyConstraint("number", name="pk_notes"),
    )
    op.create_index("ix_notes_at", "notes", ["workspace", "at"])
    op.create_index("ix_notes_order", "notes", ["workspace", "order_id"])
    op.create_table(
        "orders",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hash_id", sa.Text()),
        sa.Column("created_at", _MOMENT),
        sa.Column("customer", sa.Text()),
        sa.Column("updated_at", _MOMENT),
        sa.Column("ordinal", _NUMBER, nullable=False),
        sa.Column("kept_digest", sa.Text()),
        sa.Column("kept_ordinal", _NUMBER, nullable=False),
        sa.Column("slice_from", _MOMENT),
        sa.Column("slice_to", _MOMENT),
        sa.Column("latest", _NUMBER, nullable=False),
        sa.Column("latest_status", sa.Text(), nullable=False),
        sa.Column("latest_digest", sa.Text(), nullable=False),
        sa.Column("latest_digest_version", _NUMBER, nullable=False),
        sa.Column("wanted", _NUMBER, nullable=False),
        sa.Column("wanted_status", sa.Text(), nullable=False),
        sa.Column("wanted_digest", sa.Text(), nullable=False),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("seen_revision", _NUMBER, nullable=False),
        sa.Column("seen_at", _MOMENT),
        sa.Column("just_seen", _NUMBER, nullable=False),
        sa.Column("met_with_reference", sa.Boolean(), nullable=False),
        sa.Column("hint", sa.Text()),
        sa.Column("situation", _WORD, nullable=False),
        sa.Column("incarnation", _NUMBER, nullable=False),
        sa.Column("erp_revision", _NUMBER),
        sa.Column("erp_digest", sa.Text()),
        sa.Column("erp_record", sa.Text()),
        sa.Column("erp_status", sa.Text()),
        sa.Column("body_revision", _NUMBER, nullable=False),
        sa.Column("verify", sa.Boolean(), nullable=False),
        sa.Column("attempts", _NUMBER, nullable=False),
        sa.Column("due_at", _MOMENT),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("dismissed_revision", _NUMBER, nullable=False),
        sa.Column("told_id", sa.Text()),
        sa.Column("told_status", sa.Text()),
        sa.Column("retold", _NUMBER, nullable=False),
        sa.Column("tell_attempts", _NUMBER, nullable=False),
        sa.Column("tell_due_at", _MOMENT),
        sa.Column("tell_reason", sa.Text(), nullable=False),
        sa.Column("watched", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_orders_workspace"),
        sa.PrimaryKeyConstraint("workspace", "id", name="pk_orders"),
    )
    op.create_index("ix_orders_ackable", "orders", ["workspace", "id"], **_only("edited AND situation = 'settled'"))
    op.create_index("ix_orders_due", "orders", ["workspace", "due_at"], **_only("due_at IS NOT NULL"))
    op.create_index("ix_orders_slice", "orders", ["workspace", "slice_from", "slice_to"])
    op.create_index("ix_orders_tell_due", "orders", ["workspace", "tell_due_at"], **_only("tell_due_at IS NOT NULL"))
    op.create_index("ix_orders_watched", "orders", ["workspace", "slice_from", "slice_to"], **_only("watched"))
    op.create_table(
        "revisions",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("digest_version", _NUMBER, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source_updated_at", _MOMENT),
        sa.Column("found_in", sa.Text(), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("raw", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_revisions_workspace"),
        sa.PrimaryKeyConstraint("workspace", "order_id", "number", name="pk_revisions"),
    )
    op.create_index("ix_revisions_kept", "revisions", ["workspace", "recorded_at"], **_only("raw IS NOT NULL"))
    op.create_table(
        "unreadable",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("first_seen_at", _MOMENT, nullable=False),
        sa.Column("last_seen_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_unreadable_workspace"),
        sa.PrimaryKeyConstraint("workspace", "digest", name="pk_unreadable"),
    )
    op.create_index("ix_unreadable_seen", "unreadable", ["workspace", "last_seen_at"])
    op.create_table(
        "wishes",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text()),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("done_at", _MOMENT),
        sa.Column("outcome", sa.Text()),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_wishes_workspace"),
        sa.PrimaryKeyConstraint("number", name="pk_wishes"),
    )
    op.create_index("ix_wishes_undone", "wishes", ["workspace"], **_only("done_at IS NULL"))
