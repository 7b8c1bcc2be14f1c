"""Workers say how many cores their units may use: a job that wants more than any has can say what it waits for."""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("workers") as workers:
        workers.add_column(sa.Column("cores", sa.Integer(), server_default="1", nullable=False))
    with op.batch_alter_table("workers") as workers:
        workers.alter_column("cores", existing_type=sa.Integer(), server_default=None)  # who registers says it


def downgrade() -> None:
    with op.batch_alter_table("workers") as workers:
        workers.drop_column("cores")
