"""Sweeps, and the jobs that are their trials."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table, and to each job what it is a trial of."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "sweeps",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("family", sa.String(64), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("space", sa.JSON, nullable=False),
        sa.Column("hyperparameters", sa.JSON, nullable=False),
        sa.Column("metric", sa.String(32), nullable=False),
        sa.Column("trials", sa.Integer, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("stop_bad", sa.Boolean, nullable=False),
        sa.Column("promote", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("idempotency_key", sa.String(255), unique=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("wish", sa.String(16)),
        sa.Column("result", sa.JSON),
        sa.Column("error", sa.String),
        sa.Column("created", moment, nullable=False),
        sa.Column("finished", moment),
    )
    op.create_index("sweeps_by_status", "sweeps", ["status"])
    op.add_column("jobs", sa.Column("sweep", sa.String(32)))
    op.add_column("jobs", sa.Column("trial", sa.Integer))
    op.create_index("jobs_by_sweep", "jobs", ["sweep", "trial"])
