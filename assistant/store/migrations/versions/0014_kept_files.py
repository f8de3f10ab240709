"""where the files of a run are kept in an object store"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("kept", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "kept")
