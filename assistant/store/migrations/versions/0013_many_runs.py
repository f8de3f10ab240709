"""indexes for the list of runs where there are many"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_runs_listed", "runs", ["deleted_at", "number"])
    op.create_index("ix_runs_found", "runs", ["deleted_at", "state", "dataset", "kind", "subject"])


def downgrade() -> None:
    for name in ("ix_runs_found", "ix_runs_listed"):
        op.drop_index(name, "runs")
