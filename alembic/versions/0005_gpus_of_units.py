"""Units say how many GPUs they want and workers how many a slot has: none is claimed where it cannot run."""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("units", sa.Column("gpus", sa.Integer(), server_default="0", nullable=False))
    op.add_column("workers", sa.Column("gpus_a_slot", sa.Integer(), server_default="0", nullable=False))
    _index("resource", "rank", "number", "threads", "gpus", "not_before")


def downgrade() -> None:
    _index("resource", "rank", "number", "threads", "not_before")
    for table, column in (("workers", "gpus_a_slot"), ("units", "gpus")):
        op.drop_column(table, column)


def _index(*columns: str) -> None:
    op.drop_index("ix_units_claimable", "units")
    claimable = sa.text("state = 'ready' AND wanted > 0")
    op.create_index("ix_units_claimable", "units", columns, postgresql_where=claimable, sqlite_where=claimable)
