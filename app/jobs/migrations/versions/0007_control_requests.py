"""What somebody asks of a running job or sweep is a control request."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Rename the columns."""
    for table in ("jobs", "sweeps"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN wish TO control_request")
