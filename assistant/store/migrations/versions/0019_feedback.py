"""what people say of pictures that a model has judged"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("prediction", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("region", sa.JSON(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["prediction"], ["predictions.id"], name=op.f("fk_feedback_prediction"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("prediction", "number", name=op.f("pk_feedback")),
    )


def downgrade() -> None:
    op.drop_table("feedback")
