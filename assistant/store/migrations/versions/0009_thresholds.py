"""which thresholds were set for a run, and which is in force"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("threshold", sa.JSON(), nullable=True))
    op.create_table(
        "thresholds",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("pixel", sa.Double(), nullable=False),
        sa.Column("setting", sa.JSON(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_thresholds_run_runs", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name="fk_thresholds_conversation_conversations", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("run", "version", name="pk_thresholds"),
    )


def downgrade() -> None:
    op.drop_table("thresholds")
    with op.batch_alter_table("runs") as table:
        table.drop_column("threshold")
