"""The first tables. A migration is history: it says what the tables were, and imports nothing of Winnow."""

import sqlalchemy as sa

from alembic import op

# SQLite numbers its rows by itself only where the type is literally INTEGER.
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sent", sa.Text(), nullable=False),
        sa.Column("resolved", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("priority", WHOLE, nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("cancel_requested_at", sa.Double(), nullable=True),
        sa.Column("last_event", sa.Integer(), nullable=False),
        sa.Column("units_done", sa.Integer(), nullable=False),
        sa.Column("units_total", sa.Integer(), nullable=False),
        sa.Column("cost_total", WHOLE, nullable=False),
        sa.Column("fraction", sa.Double(), nullable=False),
        sa.Column("fraction_at_start", sa.Double(), nullable=False),
        sa.Column("levels", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_jobs_state")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_jobs")),
        sa.UniqueConstraint("id", name=op.f("uq_jobs_id")),
        sa.UniqueConstraint("tenant", "idempotency_key", name=op.f("uq_jobs_tenant_idempotency_key")),
    )
    op.create_index("ix_jobs_state", "jobs", ["state"], unique=False)
    op.create_table(
        "objects",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("bytes", WHOLE, nullable=False),
        sa.Column("touched_at", sa.Double(), nullable=False),
        sa.Column("checkpoint", sa.Boolean(), nullable=False),
        sa.Column("deleting", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_objects")),
    )
    op.create_index("ix_objects_touched_at", "objects", ["touched_at"], unique=False)
    op.create_table(
        "workers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("numerics", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.Double(), nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=False),
        sa.Column("gone_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "datasets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("bytes", WHOLE, nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["object"], ["objects.sha256"], name=op.f("fk_datasets_object")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("tenant", "name", name=op.f("uq_datasets_tenant_name")),
    )
    op.create_index(op.f("ix_datasets_object"), "datasets", ["object"], unique=False)
    op.create_table(
        "events",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.CheckConstraint("event IN ('job', 'level', 'unit')", name=op.f("ck_events_event")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_events_job_id")),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_events")),
    )
    op.create_table(
        "units",
        sa.Column("number", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("cost", WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("rank", WHOLE, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("checkpoint_sha256", sa.Text(), nullable=True),
        sa.Column("checkpoint_bytes", WHOLE, nullable=True),
        sa.Column("checkpoint_step", sa.Integer(), nullable=True),
        sa.Column("checkpoint_numerics", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.CheckConstraint("state IN ('ready', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_units_state")),
        sa.ForeignKeyConstraint(["checkpoint_sha256"], ["objects.sha256"], name=op.f("fk_units_checkpoint_sha256")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_units")),
        sa.UniqueConstraint("tenant", "key", name=op.f("uq_units_tenant_key")),
    )
    op.create_index(
        "ix_units_checkpoint",
        "units",
        ["checkpoint_sha256"],
        unique=False,
        postgresql_where=sa.text("checkpoint_sha256 IS NOT NULL"),
        sqlite_where=sa.text("checkpoint_sha256 IS NOT NULL"),
    )
    op.create_index(
        "ix_units_claimable",
        "units",
        ["resource", "rank", "number", "threads", "not_before"],
        unique=False,
        postgresql_where=sa.text("state = 'ready' AND wanted > 0"),
        sqlite_where=sa.text("state = 'ready' AND wanted > 0"),
    )
    op.create_index(
        "ix_units_running",
        "units",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
        sqlite_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "attempts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("unit_key", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "ending IN ('done', 'failed', 'lost', 'released', 'cancelled')", name=op.f("ck_attempts_ending")
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "unit_key"], ["units.tenant", "units.key"], name=op.f("fk_attempts_tenant_unit_key")
        ),
        sa.PrimaryKeyConstraint("tenant", "unit_key", "attempt", name=op.f("pk_attempts")),
    )
    op.create_table(
        "files",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("unit_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["objects.sha256"], name=op.f("fk_files_sha256")),
        sa.ForeignKeyConstraint(
            ["tenant", "unit_key"], ["units.tenant", "units.key"], name=op.f("fk_files_tenant_unit_key")
        ),
        sa.PrimaryKeyConstraint("tenant", "unit_key", "name", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_sha256"), "files", ["sha256"], unique=False)
    op.create_table(
        "job_units",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("unit_key", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unseen", sa.Boolean(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.CheckConstraint("role IN ('chain', 'control')", name=op.f("ck_job_units_role")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_units_job_id")),
        sa.ForeignKeyConstraint(
            ["tenant", "unit_key"], ["units.tenant", "units.key"], name=op.f("fk_job_units_tenant_unit_key")
        ),
        sa.PrimaryKeyConstraint("job_id", "unit_key", name=op.f("pk_job_units")),
    )
    op.create_index("ix_job_units_tenant_unit_key", "job_units", ["tenant", "unit_key"], unique=False)
    op.create_index(
        "ix_job_units_unseen",
        "job_units",
        ["job_id"],
        unique=False,
        postgresql_where=sa.text("unseen"),
        sqlite_where=sa.text("unseen = 1"),
    )
    op.create_table(
        "models",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("unit_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("architecture", sa.Text(), nullable=False),
        sa.Column("dataset_fingerprint", sa.Text(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.Column("replicate", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("zeros", WHOLE, nullable=False),
        sa.Column("prunable", WHOLE, nullable=False),
        sa.Column("test_accuracy", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "unit_key"], ["units.tenant", "units.key"], name=op.f("fk_models_tenant_unit_key")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_models")),
        sa.UniqueConstraint("tenant", "unit_key", name=op.f("uq_models_tenant_unit_key")),
    )
    op.create_index("ix_models_tenant_created_at", "models", ["tenant", "created_at", "id"], unique=False)
    op.create_table(
        "unit_metrics",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("unit_key", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "unit_key", "attempt"],
            ["attempts.tenant", "attempts.unit_key", "attempts.attempt"],
            name=op.f("fk_unit_metrics_tenant_unit_key_attempt"),
        ),
        sa.PrimaryKeyConstraint("tenant", "unit_key", "attempt", "step", name=op.f("pk_unit_metrics")),
    )


def downgrade() -> None:
    op.drop_table("unit_metrics")
    op.drop_table("models")
    op.drop_table("job_units")
    op.drop_table("files")
    op.drop_table("attempts")
    op.drop_table("units")
    op.drop_table("events")
    op.drop_table("datasets")
    op.drop_table("workers")
    op.drop_table("objects")
    op.drop_table("jobs")
