"""Priorities, and wishes in place of a flag for cancelling."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add both columns; a job that was to be cancelled still is."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("wish", sa.String(16)))
        jobs.add_column(sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE jobs SET wish = 'cancel' WHERE cancel_requested AND status = 'running'")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("cancel_requested")
