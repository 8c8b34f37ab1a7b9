"""Capacity: prices, budgets, the account, the line of attempts, and where steps carry on."""

import sqlalchemy as sa
from alembic import op

from towpath.storage.database.columns import Json, Moment, Serial, Word

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "intents", sa.Column("priority", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_table(
        "price_lists",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("currency", Word, nullable=False),
        sa.Column("rates", Json, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_price_lists")),
    )
    op.create_table(
        "budgets",
        sa.Column("name", Word, nullable=False),
        sa.Column("project", Word, nullable=False),
        sa.Column("spec", Json, nullable=False),
        sa.Column("crossed", Json, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_budgets")),
    )
    op.create_index("ix_budgets_project", "budgets", ["project"], unique=False)
    _create_account()
    op.create_table(
        "permits",
        sa.Column("id", Word, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("project", Word, nullable=False),
        sa.Column("queue", Word, nullable=False),
        sa.Column("run", Word, nullable=False),
        sa.Column("owner", Word, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("asked_at", Moment, nullable=False),
        sa.Column("seen_until", Moment, nullable=False),
        sa.Column("wanted_by", Word, nullable=True),
        sa.Column("saved_at", Moment, nullable=True),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permits")),
    )
    op.create_index(
        "ix_permits_line", "permits", ["state", "priority", "project", "queue", "asked_at", "id"]
    )
    op.create_index("ix_permits_run", "permits", ["run"], unique=False)
    op.create_index("ix_permits_owner", "permits", ["owner", "state"], unique=False)
    op.create_table(
        "shares",
        sa.Column("project", Word, nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("project", name=op.f("pk_shares")),
    )
    op.create_table(
        "resume_points",
        sa.Column("key", Word, nullable=False),
        sa.Column("digest", Word, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("attempt", Word, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_resume_points")),
    )


def _create_account() -> None:
    op.create_table(
        "account",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
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
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("prices", sa.Integer(), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_account")),
        sa.UniqueConstraint("permit", "kind", name=op.f("uq_account_permit_kind")),
    )
    op.create_index("ix_account_day", "account", ["day", "project"], unique=False)
    op.create_index("ix_account_run", "account", ["run"], unique=False)
    op.create_index(
        "ix_account_step", "account", ["project", "step", "kind", "seq"], unique=False
    )
    op.create_table(
        "balances",
        sa.Column("budget", Word, nullable=False),
        sa.Column("day", Moment, nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("budget", "day", name=op.f("pk_balances")),
        sqlite_with_rowid=False,
    )
