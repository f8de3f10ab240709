"""which server works on a run, and until when unless it says so again"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("held_by", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("runs") as table:
        for name in ("held_until", "held_by"):
            table.drop_column(name)
