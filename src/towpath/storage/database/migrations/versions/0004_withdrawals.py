"""Who has withdrawn, a row each, where it was one list in one row."""

import msgspec
import sqlalchemy as sa
from alembic import op

from towpath.storage.database.columns import Moment, Word

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", Word, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint("subject", name=op.f("uq_withdrawals_subject")),
    )
    where = "FROM intents WHERE kind = 'suppression' AND name = 'all'"
    row = op.get_bind().execute(sa.text(f"SELECT spec, updated_at {where}")).first()
    if row is None:
        return
    # The list's generation, which erasures under way wait for, was never above its length.
    hashes = msgspec.json.decode(row.spec)["hashes"]
    places = enumerate(hashes, start=1)
    values = [{"position": place, "subject": one, "at": row.updated_at} for place, one in places]
    insert = sa.text("INSERT INTO withdrawals (position, subject, at) VALUES (:position, :subject, :at)")
    if values:
        op.get_bind().execute(insert, values)
    op.execute(sa.text(f"DELETE {where}"))
