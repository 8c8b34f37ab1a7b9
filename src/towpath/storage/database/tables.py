"""Every table of the metadata database, in one place; the migrations build exactly this.

Facts that change live in rows, what happened to them in `events`. No decision, no row of a data set
and no personal data is ever stored here.

Runs, metrics, parameters, tags, versions and aliases have the shape that MLflow's tracking and
registry protocol needs: an experiment is a project, a registered model an asset of kind `model`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from towpath.storage.database.columns import Json, Moment, Serial, Word

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)
_COMPACT: dict[str, Any] = {"sqlite_with_rowid": False}

# -- graph: nodes are interned, so that an edge is three small numbers ---------------------------

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("id", Serial, primary_key=True, autoincrement=True),
    sa.Column("kind", Word, nullable=False),
    sa.Column("name", Word, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),  # 0: the asset as a whole, or a run
    sa.UniqueConstraint("kind", "name", "version"),
)

edges = sa.Table(
    "edges",
    metadata,
    sa.Column("child", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("parent", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("relation", Word, primary_key=True),
    sa.Index("ix_edges_parent", "parent", "child", "relation"),
    **_COMPACT,
)

# -- assets and versions --------------------------------------------------------------------------

assets = sa.Table(
    "assets",
    metadata,
    sa.Column("id", Serial, primary_key=True, autoincrement=True),
    sa.Column("kind", Word, nullable=False),
    sa.Column("name", Word, nullable=False),
    sa.Column("project", Word, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("kind", "name"),
    sa.Index("ix_assets_project", "project"),
)

asset_tags = sa.Table(
    "asset_tags",
    metadata,
    sa.Column("asset", sa.ForeignKey("assets.id"), primary_key=True),
    sa.Column("key", Word, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    **_COMPACT,
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("id", Serial, primary_key=True, autoincrement=True),
    sa.Column("asset", sa.ForeignKey("assets.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("digest", Word, nullable=False),
    sa.Column("body", Json, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("state", Word, nullable=False),
    sa.Column("made_by", Word),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.UniqueConstraint("asset", "number"),
)

revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("version", sa.ForeignKey("versions.id"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", Word, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
    **_COMPACT,
)

version_tags = sa.Table(
    "version_tags",
    metadata,
    sa.Column("version", sa.ForeignKey("versions.id"), primary_key=True),
    sa.Column("key", Word, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    **_COMPACT,
)

aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("asset", sa.ForeignKey("assets.id"), primary_key=True),
    sa.Column("alias", Word, primary_key=True),
    sa.Column("version", sa.ForeignKey("versions.id"), nullable=False),
    sa.Index("ix_aliases_version", "version"),
    **_COMPACT,
)

# -- runs -------------------------------------------------------------------------------------------

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", Word, primary_key=True),
    sa.Column("kind", Word, nullable=False),
    sa.Column("name", Word, nullable=False),
    sa.Column("project", Word, nullable=False),
    sa.Column("status", Word, nullable=False),
    sa.Column("parent", Word),
    sa.Column("key", Word),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("error", sa.Text),
    sa.Index("ix_runs_started_at", "started_at", "id"),
    sa.Index("ix_runs_project", "project", "kind", "started_at"),
    sa.Index("ix_runs_parent", "parent", "started_at"),
    sa.Index("ix_runs_name", "kind", "name", "started_at"),
)

run_params = sa.Table(
    "run_params",
    metadata,
    sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("key", Word, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    **_COMPACT,
)

run_tags = sa.Table(
    "run_tags",
    metadata,
    sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("key", Word, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    **_COMPACT,
)

# A key holds no NaN on SQLite, so NaN is the flag `is_nan` beside the value 0, as MLflow keeps it.
metric_points = sa.Table(
    "metric_points",
    metadata,
    sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("key", Word, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, primary_key=True),
    sa.Column("value", sa.Double, primary_key=True),
    sa.Column("is_nan", sa.Boolean, primary_key=True),
    **_COMPACT,
)

latest_metrics = sa.Table(
    "latest_metrics",
    metadata,
    sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("key", Word, primary_key=True),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("is_nan", sa.Boolean, nullable=False),
    sa.Index("ix_latest_metrics_value", "key", "value"),
    **_COMPACT,
)

# -- the log ----------------------------------------------------------------------------------------

events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", Serial, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("type", Word, nullable=False),
    sa.Column("subject", Word, nullable=False),
    sa.Column("actor", Word, nullable=False),
    sa.Column("payload", Json, nullable=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Index("ix_events_type", "type", "seq"),
    sa.Index("ix_events_subject", "subject", "seq"),
)

# Hashes of the complete subtrees above the leaves: entry (level, position) covers the 2**level
# events from position * 2**level on. A node never changes once it is there.
log_nodes = sa.Table(
    "log_nodes",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    **_COMPACT,
)

# One row. Locking it is what puts writers in line on PostgreSQL.
log_head = sa.Table(
    "log_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("peaks", sa.LargeBinary, nullable=False),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("size", Serial, primary_key=True, autoincrement=False),
    sa.Column("root", Word, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("key_id", Word, nullable=False),
    sa.Column("signature", Word, nullable=False),
)

# -- desired state, step cache, segments ------------------------------------------------------------

intents = sa.Table(
    "intents",
    metadata,
    sa.Column("kind", Word, primary_key=True),
    sa.Column("name", Word, primary_key=True),
    sa.Column("project", Word, nullable=False),
    sa.Column("spec", Json, nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("phase", Word, nullable=False),
    sa.Column("status", Json, nullable=False),
    sa.Column("due_at", Moment),
    sa.Column("woken", sa.Boolean, nullable=False),  # due again after the step under way
    sa.Column("owner", Word),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("leased_until", Moment),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_intents_due", "kind", "due_at"),
    sa.Index("ix_intents_project", "project", "kind"),
)

# Who has withdrawn, as keyed hashes: whoever follows the list reads from where it stood.
withdrawals = sa.Table(
    "withdrawals",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("subject", Word, nullable=False, unique=True),
    sa.Column("at", Moment, nullable=False),
)

executions = sa.Table(
    "executions",
    metadata,
    sa.Column("key", Word, primary_key=True),
    sa.Column("step", Word, nullable=False),
    sa.Column("parts", Json, nullable=False),
    sa.Column("state", Word, nullable=False),
    sa.Column("run", Word, nullable=False),
    sa.Column("outputs", Json, nullable=False),
    sa.Column("owner", Word),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("leased_until", Moment),
    sa.Column("at", Moment, nullable=False),
    sa.Index("ix_executions_step", "step", "state", "at"),
)

# Which finished executions mention a digest, as part or output: an erasure asks.
execution_digests = sa.Table(
    "execution_digests",
    metadata,
    sa.Column("digest", Word, primary_key=True),
    sa.Column("key", sa.ForeignKey("executions.key", ondelete="CASCADE"), primary_key=True),
    sa.Index("ix_execution_digests_key", "key"),
    **_COMPACT,
)

segments = sa.Table(
    "segments",
    metadata,
    sa.Column("digest", Word, primary_key=True),
    sa.Column("stream", Word, primary_key=True),
    sa.Column("partition", Word, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("first_id", Word, nullable=False),
    sa.Column("last_id", Word, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment, nullable=False),
    sa.Index("ix_segments_since", "stream", "since"),
    sa.Index("ix_segments_ids", "first_id", "last_id"),
)

# What running steps print; bounded by run, and gone when it is kept as a blob.
log_pieces = sa.Table(
    "log_pieces",
    metadata,
    sa.Column("run", Word, primary_key=True),
    sa.Column("begins", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Index("ix_log_pieces_at", "at"),
)

# -- capacity: all money is whole micro-units ------------------------------------------------------

price_lists = sa.Table(
    "price_lists",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("currency", Word, nullable=False),
    sa.Column("rates", Json, nullable=False),
    sa.Column("at", Moment, nullable=False),
)

budgets = sa.Table(
    "budgets",
    metadata,
    sa.Column("name", Word, primary_key=True),
    sa.Column("project", Word, nullable=False),  # empty: the organisation's
    sa.Column("spec", Json, nullable=False),
    sa.Column("crossed", Json, nullable=False),  # which soft limits were told, in which period
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_budgets_project", "project"),
)

# Append-only: an attempt has at most one entry of each kind, whoever tries to write it twice.
account = sa.Table(
    "account",
    metadata,
    sa.Column("seq", Serial, primary_key=True, autoincrement=True),
    sa.Column("permit", Word, nullable=False),
    sa.Column("kind", Word, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("day", Moment, nullable=False),
    sa.Column("project", Word, nullable=False),
    sa.Column("queue", Word, nullable=False),
    sa.Column("pipeline", Word, nullable=False),
    sa.Column("run", Word, nullable=False),
    sa.Column("step", Word, nullable=False),
    sa.Column("cause", Word, nullable=False),
    sa.Column("micros", sa.BigInteger, nullable=False),
    sa.Column("prices", sa.Integer, nullable=False),
    sa.Column("body", Json, nullable=False),
    sa.UniqueConstraint("permit", "kind"),
    sa.Index("ix_account_day", "day", "project"),
    sa.Index("ix_account_run", "run"),
    sa.Index("ix_account_step", "project", "step", "kind", "seq"),
)

# Sums of the account by budget and day, kept in the transactions that append to it.
balances = sa.Table(
    "balances",
    metadata,
    sa.Column("budget", Word, primary_key=True),
    sa.Column("day", Moment, primary_key=True),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    **_COMPACT,
)

# Attempts that wait or run; what is over is in the account alone.
permits = sa.Table(
    "permits",
    metadata,
    sa.Column("id", Word, primary_key=True),
    sa.Column("state", Word, nullable=False),
    sa.Column("project", Word, nullable=False),
    sa.Column("queue", Word, nullable=False),
    sa.Column("run", Word, nullable=False),
    sa.Column("owner", Word, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("seen_until", Moment, nullable=False),
    sa.Column("wanted_by", Word),
    sa.Column("saved_at", Moment),
    sa.Column("body", Json, nullable=False),
    sa.Index("ix_permits_line", "state", "priority", "project", "queue", "asked_at", "id"),
    sa.Index("ix_permits_run", "run"),
    sa.Index("ix_permits_owner", "owner", "state"),
)

# What a project used lately, halved again and again as time passes: who goes first.
shares = sa.Table(
    "shares",
    metadata,
    sa.Column("project", Word, primary_key=True),
    sa.Column("micros", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
)

# Where a step that saves its state as it goes would carry on, by the step's key.
resume_points = sa.Table(
    "resume_points",
    metadata,
    sa.Column("key", Word, primary_key=True),
    sa.Column("digest", Word, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("attempt", Word, nullable=False),
    sa.Column("at", Moment, nullable=False),
)
