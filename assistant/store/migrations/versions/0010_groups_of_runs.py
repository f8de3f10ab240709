"""groups of runs"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("home", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("budget_s", sa.Double(), nullable=True),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ended in ('finished','stopped')", name=op.f("ck_groups_ended")),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name=op.f("fk_groups_conversation"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_groups_idempotency_key")),
        sa.UniqueConstraint("number", name=op.f("uq_groups_number")),
    )
    op.create_index(op.f("ix_groups_conversation"), "groups", ["conversation"])
    op.add_column("proposals", sa.Column("group", sa.JSON(), nullable=True))
    op.add_column("runs", sa.Column("group", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("trial", sa.JSON(), nullable=True))
    op.create_index(op.f("ix_runs_group"), "runs", ["group"])


def downgrade() -> None:
    op.drop_index(op.f("ix_runs_group"), "runs")
    op.drop_column("runs", "trial")
    op.drop_column("runs", "group")
    op.drop_column("proposals", "group")
    op.drop_table("groups")
