"""a conversation remembers its open plan and its runs as plain data"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("state", sa.JSON(), nullable=False, server_default="{}"))
    connection = op.get_bind()
    for conversation in connection.execute(sa.text("SELECT id FROM conversations")).scalars().all():
        state = json.dumps(_state_of(connection, conversation), allow_nan=False)
        change = sa.text("UPDATE conversations SET state = :state WHERE id = :id")
        connection.execute(change, {"state": state, "id": conversation})


def _state_of(connection: sa.Connection, conversation: str) -> dict[str, Any]:
    """What it spoke of before: its runs, the latest first, and its open plan."""
    of = {"conversation": conversation}
    runs = connection.execute(
        sa.text("SELECT id FROM runs WHERE conversation = :conversation ORDER BY number DESC"), of
    )
    query = (
        "SELECT id, kind, dataset, subject, chosen FROM proposals WHERE conversation = :conversation AND state = 'open'"
    )
    plans = [
        {
            "proposal": row.id,
            "kind": row.kind,
            "dataset": row.dataset,
            "model": row.subject,
            "chosen": json.loads(row.chosen) if isinstance(row.chosen, str) else row.chosen,
        }
        for row in connection.execute(sa.text(query), of)
    ]
    return {"runs": list(runs.scalars()), "plans": plans[-1:], "datasets": [each["dataset"] for each in plans[-1:]]}


def downgrade() -> None:
    op.drop_column("conversations", "state")
