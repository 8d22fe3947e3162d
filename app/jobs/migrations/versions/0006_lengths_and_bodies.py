"""How long each lease is, and a digest of the body that an idempotency key came with."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; of what is there already nothing is known."""
    op.add_column("jobs", sa.Column("idempotency_body", sa.String(64)))
    op.add_column("jobs", sa.Column("lease_seconds", sa.Float))
    op.add_column("sweeps", sa.Column("idempotency_body", sa.String(64)))
    op.add_column("leases", sa.Column("seconds", sa.Float))
