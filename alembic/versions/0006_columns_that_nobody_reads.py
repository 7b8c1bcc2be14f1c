"""Columns that nobody reads: jobs go in the order in which they come, and what was done before is not told apart."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("job_units", "cached")
    op.drop_column("jobs", "priority")


def downgrade() -> None:
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("jobs", sa.Column("priority", whole, server_default="0", nullable=False))
    op.add_column("job_units", sa.Column("cached", sa.Boolean(), server_default=sa.false(), nullable=False))
