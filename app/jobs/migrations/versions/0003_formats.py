"""The formats that a version shall have."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; jobs from before wished for none."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("formats", sa.JSON, nullable=False, server_default="[]"))
