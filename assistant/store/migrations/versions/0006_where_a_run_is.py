"""a run and a plan have a kind and a subject; a run has an executor and a place: the home that holds its folder, and that home's machine"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("runs", "proposals"):
        op.add_column(table, sa.Column("kind", sa.Text(), nullable=False, server_default="detect"))
        op.execute(f"ALTER TABLE {table} RENAME COLUMN model TO subject")
    op.add_column("runs", sa.Column("executor", sa.Text(), nullable=False, server_default="local"))
    op.add_column("runs", sa.Column("home", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("host", sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("host", "home", "executor"):
        op.drop_column("runs", name)
    for table in ("runs", "proposals"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN subject TO model")
        op.drop_column(table, "kind")
