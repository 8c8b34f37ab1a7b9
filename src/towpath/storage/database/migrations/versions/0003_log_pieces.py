"""What running steps print, in pieces."""

import sqlalchemy as sa
from alembic import op

from towpath.storage.database.columns import Moment, Word

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_pieces",
        sa.Column("run", Word, nullable=False),
        sa.Column("begins", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("run", "begins", name=op.f("pk_log_pieces")),
    )
    op.create_index("ix_log_pieces_at", "log_pieces", ["at"], unique=False)
