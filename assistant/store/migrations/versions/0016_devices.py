"""which device of which machine an attempt takes"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("device", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("machine", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("attempts") as table:
        for name in ("machine", "device"):
            table.drop_column(name)
