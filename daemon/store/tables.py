"""The tables, as design and migrations agree on them. Every row belongs to one workspace.

The conditions of the partial indexes are texts that the statements repeat word for word: only then do the databases use them.
"""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, LargeBinary, MetaData, Table, UniqueConstraint, false, text

from daemon.domain.ledger import Kind, NewsKind, Outcome, Stream
from daemon.domain.state import Situation
from daemon.store.columns import Amount, BrakesText, Id, Moment, Number, Pauses, Reason, Texts, Words, one_of

#: The newest migration. A database that bears another number is refused.
REVISION = "0007"
#: Not alembic's own default, which another program in the same database may use.
VERSION_TABLE = "consentio_sync_schema"

#: An order on the edited list that `seen` may be sent for.
ACKABLE = text("edited AND situation = 'settled'")
#: An order whose slice the near sweep reads again.
WATCHED = text("watched")
#: An order that waits for keys that the ERP does not know.
MISSING = text("missing <> '[]'")
#: A doubt: an effect on the ERP that nobody knows the outcome of.
IN_DOUBT = text("outcome IS NULL AND kind IN ('create', 'update', 'cancel')")
#: A payload that is still kept.
KEPT = text("raw IS NOT NULL")
#: A ledger row that may be forgotten one day. Creates may not: idempotency needs them for good (A10).
FINISHED = text("finished_at IS NOT NULL AND kind <> 'create'")
#: An effect that a brake counts.
COUNTED = text("counted")
#: A wish that nobody answered yet.
UNDONE = text("done_at IS NULL")
#: News that no order was told of yet.
UNHEEDED = text("heeded_at IS NULL")

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s", "uq": "uq_%(table_name)s"}
)


def _workspace(*, key: bool = False) -> Column[str]:
    return Column("workspace", Id, ForeignKey("workspaces.id"), primary_key=key, nullable=False)


workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Id, primary_key=True),
    Column("epoch", Number, nullable=False),
    Column("owner", Words, nullable=False),
    Column("led_at", Moment, nullable=False),
    Column("api_url", Words, nullable=False),
    Column("adapter", Words, nullable=False),
    Column("adapter_identity", Words, nullable=False),
    Column("start_wall", Moment),
    Column("inventory_at", Moment),
    Column("restored_at", Moment),
    Column("restore_open", Boolean, nullable=False),
    Column("collected_at", Moment),
    Column("delivered_at", Moment),
    Column("acknowledged_at", Moment),
    Column("skew_s", Float),
    Column("paused", Pauses, nullable=True),
    Column("brake", BrakesText),
    Column("reports_cursor", Words),
    Column("config_trouble", Reason, nullable=False, server_default=""),
)

cursors = Table(
    "cursors",
    metadata,
    _workspace(key=True),
    Column("stream", one_of(Stream), primary_key=True),
    Column("position", Moment, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    _workspace(key=True),
    Column("id", Id, primary_key=True),
    Column("hash_id", Words),
    Column("created_at", Moment),
    Column("customer", Words),
    # -- what Consentio showed
    Column("updated_at", Moment),
    Column("ordinal", Number, nullable=False),
    Column("kept_digest", Words),
    Column("kept_ordinal", Number, nullable=False),
    Column("slice_from", Moment),
    Column("slice_to", Moment),
    Column("latest", Number, nullable=False),
    Column("latest_status", Words, nullable=False),
    Column("latest_digest", Words, nullable=False),
    Column("latest_digest_version", Number, nullable=False),
    Column("wanted", Number, nullable=False),
    Column("wanted_status", Words, nullable=False),
    Column("wanted_digest", Words, nullable=False),
    Column("edited", Boolean, nullable=False),
    Column("seen_revision", Number, nullable=False),
    Column("seen_at", Moment),
    Column("just_seen", Number, nullable=False),
    Column("met_with_reference", Boolean, nullable=False),
    Column("hint", Words),
    # -- the ERP side
    Column("situation", one_of(Situation), nullable=False),
    Column("incarnation", Number, nullable=False),
    Column("erp_revision", Number),
    Column("erp_digest", Words),
    Column("erp_record", Words),
    Column("erp_number", Words),
    Column("erp_status", Words),
    Column("erp_cancelled", Boolean, nullable=False, server_default=false()),
    Column("erp_news_at", Moment),
    Column("body_revision", Number, nullable=False),
    Column("verify", Boolean, nullable=False),
    Column("attempts", Number, nullable=False),
    Column("due_at", Moment),
    Column("reason", Reason, nullable=False),
    Column("missing", Texts, nullable=False),
    Column("dismissed_revision", Number, nullable=False),
    Column("released", Number, nullable=False, server_default="0"),
    Column("mismatch", Reason, nullable=False, server_default=""),
    # -- the Consentio side
    Column("told_id", Words),
    Column("told_status", Words),
    Column("retold", Number, nullable=False),
    Column("tell_attempts", Number, nullable=False),
    Column("tell_due_at", Moment),
    Column("tell_reason", Reason, nullable=False),
    Column("first_told_id", Words),
    Column("first_told_at", Moment),
    # -- said by the state itself, stored for its index
    Column("watched", Boolean, nullable=False),
)
Index(
    "ix_orders_due",
    orders.c.workspace,
    orders.c.due_at,
    sqlite_where=text("due_at IS NOT NULL"),
    postgresql_where=text("due_at IS NOT NULL"),
)
Index(
    "ix_orders_tell_due",
    orders.c.workspace,
    orders.c.tell_due_at,
    sqlite_where=text("tell_due_at IS NOT NULL"),
    postgresql_where=text("tell_due_at IS NOT NULL"),
)
Index("ix_orders_ackable", orders.c.workspace, orders.c.id, sqlite_where=ACKABLE, postgresql_where=ACKABLE)
Index(
    "ix_orders_watched",
    orders.c.workspace,
    orders.c.slice_from,
    orders.c.slice_to,
    sqlite_where=WATCHED,
    postgresql_where=WATCHED,
)
Index("ix_orders_slice", orders.c.workspace, orders.c.slice_from, orders.c.slice_to)
Index(
    "ix_orders_record",
    orders.c.workspace,
    orders.c.erp_record,
    sqlite_where=text("erp_record IS NOT NULL"),
    postgresql_where=text("erp_record IS NOT NULL"),
)

Index("ix_orders_missing", orders.c.workspace, orders.c.id, sqlite_where=MISSING, postgresql_where=MISSING)

#: Missing keys that were told.
gaps = Table(
    "gaps",
    metadata,
    _workspace(key=True),
    Column("key", Words, primary_key=True),
    Column("since", Moment, nullable=False),
)

revisions = Table(
    "revisions",
    metadata,
    _workspace(key=True),
    Column("order_id", Id, primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("digest", Words, nullable=False),
    Column("digest_version", Number, nullable=False),
    Column("status", Words, nullable=False),
    Column("source_updated_at", Moment),
    Column("found_in", Words, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("raw", LargeBinary),
)
Index("ix_revisions_kept", revisions.c.workspace, revisions.c.recorded_at, sqlite_where=KEPT, postgresql_where=KEPT)

ledger = Table(
    "ledger",
    metadata,
    _workspace(key=True),
    Column("key", Id, primary_key=True),
    Column("kind", one_of(Kind), nullable=False),
    Column("order_id", Id, nullable=False),
    Column("revision", Number, nullable=False),
    Column("incarnation", Number, nullable=False),
    Column("record", Words),
    Column("owner", Words, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("outcome", one_of(Outcome)),
    Column("counted", Boolean, nullable=False, server_default=false()),
)
#: At most one open ERP row per order, whoever writes it.
Index(
    "ux_ledger_in_doubt",
    ledger.c.workspace,
    ledger.c.order_id,
    unique=True,
    sqlite_where=IN_DOUBT,
    postgresql_where=IN_DOUBT,
)
Index("ix_ledger_order", ledger.c.workspace, ledger.c.order_id)
Index("ix_ledger_counted", ledger.c.workspace, ledger.c.started_at, sqlite_where=COUNTED, postgresql_where=COUNTED)
Index("ix_ledger_finished", ledger.c.workspace, ledger.c.finished_at, sqlite_where=FINISHED, postgresql_where=FINISHED)

attempts = Table(
    "attempts",
    metadata,
    Column("number", Number, primary_key=True),
    _workspace(),
    Column("order_id", Id, nullable=False),
    Column("key", Id, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment, nullable=False),
    Column("outcome", one_of(Outcome), nullable=False),
    Column("answer", Reason, nullable=False),
)
Index("ix_attempts_order", attempts.c.workspace, attempts.c.order_id)
Index("ix_attempts_finished", attempts.c.workspace, attempts.c.finished_at)

notes = Table(
    "notes",
    metadata,
    Column("number", Number, primary_key=True),
    _workspace(),
    Column("order_id", Id),
    Column("at", Moment, nullable=False),
    Column("who", Words, nullable=False),
    Column("what", Words, nullable=False),
    Column("reason", Reason, nullable=False),
)
Index("ix_notes_order", notes.c.workspace, notes.c.order_id)
Index("ix_notes_at", notes.c.workspace, notes.c.at)

news = Table(
    "news",
    metadata,
    Column("serial", Number, primary_key=True),
    _workspace(),
    Column("digest", Id, nullable=False),
    Column("record", Id, nullable=False),
    Column("kind", one_of(NewsKind), nullable=False),
    Column("at", Moment, nullable=False),
    Column("status", Words),
    Column("number", Words),
    Column("total", Amount),
    Column("key", Id),
    Column("reason", Reason, nullable=False),
    Column("missing", Texts, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    # -- what became of it
    Column("order_id", Id),
    Column("heeded_at", Moment),
    Column("outcome", Words),
    UniqueConstraint("workspace", "digest"),
)
Index("ix_news_recorded", news.c.workspace, news.c.recorded_at)
Index("ix_news_unheeded", news.c.workspace, news.c.recorded_at, sqlite_where=UNHEEDED, postgresql_where=UNHEEDED)
Index("ix_news_order", news.c.workspace, news.c.order_id)

errands = Table(
    "errands",
    metadata,
    _workspace(key=True),
    Column("order_id", Id, primary_key=True),
    Column("kind", one_of(Kind), primary_key=True),
    Column("key", Id, nullable=False),
    Column("who", Words, nullable=False),
    Column("reason", Reason, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("record", Id),
    Column("revision", Number, nullable=False),
    Column("attempts", Number, nullable=False),
    Column("due_at", Moment),
    Column("done_at", Moment),
    Column("answer", Reason, nullable=False),
)
Index(
    "ix_errands_due",
    errands.c.workspace,
    errands.c.due_at,
    sqlite_where=text("due_at IS NOT NULL"),
    postgresql_where=text("due_at IS NOT NULL"),
)
Index("ix_errands_done", errands.c.workspace, errands.c.done_at)

wishes = Table(
    "wishes",
    metadata,
    Column("number", Number, primary_key=True),
    _workspace(),
    Column("what", Words, nullable=False),
    Column("order_id", Id),
    Column("who", Words, nullable=False),
    Column("reason", Reason, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("argument", Words, nullable=False, server_default=""),
    Column("progress", Words, nullable=False, server_default=""),
    Column("done_at", Moment),
    Column("outcome", Reason),
)
Index("ix_wishes_undone", wishes.c.workspace, sqlite_where=UNDONE, postgresql_where=UNDONE)

unreadable = Table(
    "unreadable",
    metadata,
    _workspace(key=True),
    Column("digest", Id, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("error", Reason, nullable=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
)
Index("ix_unreadable_seen", unreadable.c.workspace, unreadable.c.last_seen_at)
