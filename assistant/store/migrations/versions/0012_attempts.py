"""attempts of runs, their priority, when one is tried again, and queues that are paused"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIMES = ("began_at", "heard_at", "given_up_at", "ended_at")


def upgrade() -> None:
    op.add_column("runs", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "attempts",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("executor", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in TIMES),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('submitting', 'submitted', 'begun', 'ended')", name=op.f("ck_attempts_state")),
        sa.CheckConstraint(
            "outcome in ('done', 'stopped', 'killed', 'lost', 'silent', 'limit', 'exited', 'never_began')",
            name=op.f("ck_attempts_outcome"),
        ),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_attempts_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_attempts")),
    )
    op.create_table(
        "queues",
        sa.Column("home", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("home", name=op.f("pk_queues")),
    )
    # a run that goes on is watched by its latest attempt
    op.execute(
        "insert into attempts (run, number, executor, state, submitted_at, began_at)"
        " select id, attempts, executor, 'begun', coalesce(started_at, created_at), started_at from runs"
        " where state = 'running'"
    )


def downgrade() -> None:
    for name in ("queues", "attempts"):
        op.drop_table(name)
    with op.batch_alter_table("runs") as table:
        for name in ("not_before", "priority"):
            table.drop_column(name)
