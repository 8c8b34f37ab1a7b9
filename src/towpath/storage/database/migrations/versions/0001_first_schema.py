"""The first schema: graph, versions, runs, the log, intents, step cache, segments."""

import sqlalchemy as sa
from alembic import op

from towpath.storage.database.columns import Json, Moment, Serial, Word

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assets",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("project", Word, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_assets_kind_name")),
    )
    op.create_index("ix_assets_project", "assets", ["project"], unique=False)
    op.create_table(
        "checkpoints",
        sa.Column("size", Serial, autoincrement=False, nullable=False),
        sa.Column("root", Word, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("key_id", Word, nullable=False),
        sa.Column("signature", Word, nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "edges",
        sa.Column("child", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parent", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("relation", Word, nullable=False),
        sa.PrimaryKeyConstraint("child", "parent", "relation", name=op.f("pk_edges")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_edges_parent", "edges", ["parent", "child", "relation"], unique=False)
    op.create_table(
        "events",
        sa.Column("seq", Serial, autoincrement=False, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("type", Word, nullable=False),
        sa.Column("subject", Word, nullable=False),
        sa.Column("actor", Word, nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
    )
    op.create_index("ix_events_subject", "events", ["subject", "seq"], unique=False)
    op.create_index("ix_events_type", "events", ["type", "seq"], unique=False)
    op.create_table(
        "executions",
        sa.Column("key", Word, nullable=False),
        sa.Column("step", Word, nullable=False),
        sa.Column("parts", Json, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("run", Word, nullable=False),
        sa.Column("outputs", Json, nullable=False),
        sa.Column("owner", Word, nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", Moment, nullable=True),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_executions")),
    )
    op.create_index("ix_executions_step", "executions", ["step", "state", "at"], unique=False)
    op.create_table(
        "intents",
        sa.Column("kind", Word, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("project", Word, nullable=False),
        sa.Column("spec", Json, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("phase", Word, nullable=False),
        sa.Column("status", Json, nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("woken", sa.Boolean(), nullable=False),
        sa.Column("owner", Word, nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", Moment, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_intents")),
    )
    op.create_index("ix_intents_due", "intents", ["kind", "due_at"], unique=False)
    op.create_index("ix_intents_project", "intents", ["project", "kind"], unique=False)
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "log_nodes",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name=op.f("pk_log_nodes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "nodes",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
        sa.UniqueConstraint("kind", "name", "version", name=op.f("uq_nodes_kind_name_version")),
    )
    op.create_table(
        "runs",
        sa.Column("id", Word, nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("project", Word, nullable=False),
        sa.Column("status", Word, nullable=False),
        sa.Column("parent", Word, nullable=True),
        sa.Column("key", Word, nullable=True),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_name", "runs", ["kind", "name", "started_at"], unique=False)
    op.create_index("ix_runs_parent", "runs", ["parent", "started_at"], unique=False)
    op.create_index("ix_runs_project", "runs", ["project", "kind", "started_at"], unique=False)
    op.create_index("ix_runs_started_at", "runs", ["started_at", "id"], unique=False)
    op.create_table(
        "segments",
        sa.Column("digest", Word, nullable=False),
        sa.Column("stream", Word, nullable=False),
        sa.Column("partition", Word, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("first_id", Word, nullable=False),
        sa.Column("last_id", Word, nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("until", Moment, nullable=False),
        sa.PrimaryKeyConstraint("digest", "stream", name=op.f("pk_segments")),
    )
    op.create_index("ix_segments_ids", "segments", ["first_id", "last_id"], unique=False)
    op.create_index("ix_segments_since", "segments", ["stream", "since"], unique=False)
    op.create_table(
        "asset_tags",
        sa.Column("asset", Serial, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name=op.f("fk_asset_tags_asset")),
        sa.PrimaryKeyConstraint("asset", "key", name=op.f("pk_asset_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "execution_digests",
        sa.Column("digest", Word, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.ForeignKeyConstraint(
            ["key"], ["executions.key"], name=op.f("fk_execution_digests_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", "key", name=op.f("pk_execution_digests")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_execution_digests_key", "execution_digests", ["key"], unique=False)
    op.create_table(
        "latest_metrics",
        sa.Column("run", Word, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_latest_metrics_run")),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_latest_metrics")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_latest_metrics_value", "latest_metrics", ["key", "value"], unique=False)
    op.create_table(
        "metric_points",
        sa.Column("run", Word, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_metric_points_run")),
        sa.PrimaryKeyConstraint(
            "run", "key", "step", "at", "value", "is_nan", name=op.f("pk_metric_points")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_params",
        sa.Column("run", Word, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_run_params_run")),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_run_params")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_tags",
        sa.Column("run", Word, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_run_tags_run")),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_run_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "versions",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("asset", Serial, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", Word, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("made_by", Word, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name=op.f("fk_versions_asset")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("asset", "number", name=op.f("uq_versions_asset_number")),
    )
    op.create_table(
        "aliases",
        sa.Column("asset", Serial, nullable=False),
        sa.Column("alias", Word, nullable=False),
        sa.Column("version", Serial, nullable=False),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name=op.f("fk_aliases_asset")),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name=op.f("fk_aliases_version")),
        sa.PrimaryKeyConstraint("asset", "alias", name=op.f("pk_aliases")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_aliases_version", "aliases", ["version"], unique=False)
    op.create_table(
        "revisions",
        sa.Column("version", Serial, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", Word, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name=op.f("fk_revisions_version")),
        sa.PrimaryKeyConstraint("version", "revision", name=op.f("pk_revisions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "version_tags",
        sa.Column("version", Serial, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name=op.f("fk_version_tags_version")),
        sa.PrimaryKeyConstraint("version", "key", name=op.f("pk_version_tags")),
        sqlite_with_rowid=False,
    )
    head = sa.table(
        "log_head",
        sa.column("id", sa.Integer),
        sa.column("size", sa.BigInteger),
        sa.column("peaks", sa.LargeBinary),
    )
    op.bulk_insert(head, [{"id": 1, "size": 0, "peaks": b""}])
