"""The lease of the supervisor that leads; on PostgreSQL numbers that do not run out."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table with its one row, held by nobody."""
    leases = op.create_table(
        "leases",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("holder", sa.String(128)),
        sa.Column("until", sa.DateTime(timezone=True)),
    )
    op.bulk_insert(leases, [{"name": "supervisor"}])
    if op.get_context().dialect.name == "postgresql":
        for table, column in (("jobs", "number"), ("events", "id")):
            op.alter_column(table, column, type_=sa.BigInteger)
            op.execute(f"ALTER SEQUENCE {table}_{column}_seq AS bigint")
