"""the model that a run becomes a version of when it has succeeded"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("register_as", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("register_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "register_by")
    op.drop_column("runs", "register_as")
