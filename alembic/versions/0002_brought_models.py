"""Models that somebody brings: they have a name, and have met no data set yet."""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("models") as models:
        models.add_column(sa.Column("name", sa.Text(), nullable=True))
        models.alter_column("dataset_fingerprint", existing_type=sa.Text(), nullable=True)
        models.alter_column("test_accuracy", existing_type=sa.Double(), nullable=True)
        models.create_unique_constraint(op.f("uq_models_tenant_name"), ["tenant", "name"])


def downgrade() -> None:
    op.execute("DELETE FROM models WHERE name IS NOT NULL")
    with op.batch_alter_table("models") as models:
        models.drop_constraint(op.f("uq_models_tenant_name"), type_="unique")
        models.alter_column("test_accuracy", existing_type=sa.Double(), nullable=False)
        models.alter_column("dataset_fingerprint", existing_type=sa.Text(), nullable=False)
        models.drop_column("name")
