"""Every table of Winnow. `tenant` is a column everywhere; there is one tenant so far.

Times are seconds since 1970 by the database's clock. States are few and drive the machine: docs/states.md says who
moves a row out of each.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    literal_column,
    text,
)

from winnow.db.clock import now
from winnow.db.types import Document, Whole

TENANT = "default"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", Whole, Identity(), primary_key=True),  # the order in which jobs came in
    Column("id", Text, nullable=False, unique=True),
    Column("tenant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("error", Document),  # JobError
    Column("sent", Document, nullable=False),
    Column("resolved", Document, nullable=False),  # winnow.plan.Resolved
    Column("resource", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("created_at", Double, nullable=False, default=now()),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("cancel_requested_at", Double),
    Column("last_event", Integer, nullable=False),
    Column("units_done", Integer, nullable=False),
    Column("units_total", Integer, nullable=False),
    Column("cost_total", Whole, nullable=False),
    Column("fraction", Double, nullable=False),  # the highest that was shown: it never falls
    Column("fraction_at_start", Double, nullable=False),  # what was there already when the first unit was claimed
    Column("levels", Document, nullable=False),  # LevelRow each, as of the last settle
    Column("points", Document, nullable=False, server_default="[]"),  # PointRow each, of a sweep
    Column("result", Document),  # JobResult
    Column("certificate", Document),
    CheckConstraint("state IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')", name="state"),
    UniqueConstraint("tenant", "idempotency_key"),
    Index("ix_jobs_state", "state"),
)

units = Table(
    "units",
    metadata,
    Column("number", Whole, Identity(), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("unit", Document, nullable=False),  # winnow.contract.units.Unit
    Column("resource", Text, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("gpus", Integer, nullable=False, server_default="0"),
    Column("cost", Whole, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Text),
    Column("wanted", Integer, nullable=False),  # live, unpaused jobs that need it
    Column("rank", Whole),  # the best of those jobs' order, chain before controls; null where nobody wants it
    Column("attempt", Integer, nullable=False),  # the fence
    Column("losses", Integer, nullable=False),  # in a row, without a new checkpoint
    Column("not_before", Double, nullable=False),
    Column("lease_until", Double),
    Column("worker", Text),
    Column("progress", Double, nullable=False),  # share done, the highest so far
    Column("checkpoint_sha256", Text, ForeignKey("objects.sha256")),
    Column("checkpoint_bytes", Whole),
    Column("checkpoint_step", Integer),
    Column("checkpoint_numerics", Text),
    Column("result", Document),  # UnitResult
    Column("created_at", Double, nullable=False, default=now()),
    Column("finished_at", Double),
    CheckConstraint("state IN ('ready', 'running', 'done', 'failed', 'cancelled')", name="state"),
    UniqueConstraint("tenant", "key"),
)

# Written out, not bound: a partial index is used only where the query says the same words.
CLAIMABLE = and_(units.c.state == literal_column("'ready'"), units.c.wanted > literal_column("0"))
RUNNING = units.c.state == literal_column("'running'")
HAS_CHECKPOINT = units.c.checkpoint_sha256.is_not(None)
# In the order in which units are claimed, with all that a claim looks at.
Index(
    "ix_units_claimable",
    units.c.resource,
    units.c.rank,
    units.c.number,
    units.c.threads,
    units.c.gpus,
    units.c.not_before,
    postgresql_where=CLAIMABLE,
    sqlite_where=CLAIMABLE,
)
Index("ix_units_running", units.c.lease_until, postgresql_where=RUNNING, sqlite_where=RUNNING)
Index(
    "ix_units_checkpoint",
    units.c.checkpoint_sha256,
    postgresql_where=HAS_CHECKPOINT,
    sqlite_where=HAS_CHECKPOINT,
)

job_units = Table(
    "job_units",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id"), primary_key=True),
    Column("unit_key", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("unseen", Boolean(create_constraint=False), nullable=False),  # it ended, and the job has not taken that in
    Column("failure", Document),  # JobError: how it failed while this job was attached
    CheckConstraint("role IN ('chain', 'control')", name="role"),
    ForeignKeyConstraint(["tenant", "unit_key"], ["units.tenant", "units.key"]),
    Index("ix_job_units_tenant_unit_key", "tenant", "unit_key"),
)
# What `.where(job_units.c.unseen)` says on each.
Index("ix_job_units_unseen", job_units.c.job_id, postgresql_where=text("unseen"), sqlite_where=text("unseen = 1"))

attempts = Table(
    "attempts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("unit_key", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("worker", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("ending", Text),
    Column("reason", Text),
    Column("detail", Text),
    CheckConstraint("ending IN ('done', 'failed', 'lost', 'released', 'cancelled')", name="ending"),
    ForeignKeyConstraint(["tenant", "unit_key"], ["units.tenant", "units.key"]),
)

unit_metrics = Table(
    "unit_metrics",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("unit_key", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("values", Document, nullable=False),  # name → value
    ForeignKeyConstraint(
        ["tenant", "unit_key", "attempt"], ["attempts.tenant", "attempts.unit_key", "attempts.attempt"]
    ),
)

events = Table(
    "events",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("event", Text, nullable=False),
    Column("data", Document, nullable=False),
    CheckConstraint("event IN ('job', 'level', 'unit')", name="event"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("session", Text, nullable=False),  # one run of the process under this name
    Column("resource", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("cores", Integer, nullable=False),  # which its units may keep busy in all
    Column("gpus_a_slot", Integer, nullable=False, server_default="0"),
    Column("numerics", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("process", Text, nullable=False),  # what names the process on its host, so that its end can be seen there
    Column("registered_at", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("gone_at", Double),
)

objects = Table(
    "objects",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("bytes", Whole, nullable=False),
    Column("touched_at", Double, nullable=False),
    Column("checkpoint", Boolean(create_constraint=False), nullable=False),  # a committed checkpoint has named it
    Column("deleting", Boolean(create_constraint=False), nullable=False),
    Index("ix_objects_touched_at", "touched_at"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("facts", Document, nullable=False),  # DatasetFacts
    Column("bytes", Whole, nullable=False),
    Column("object", Text, ForeignKey("objects.sha256"), nullable=False, index=True),
    Column("created_at", Double, nullable=False, default=now()),
    UniqueConstraint("tenant", "name"),
)

models = Table(
    "models",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("unit_key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text),  # of a model that was brought
    Column("architecture", Text, nullable=False),
    Column("dataset_fingerprint", Text),  # null for a model that was brought, as is its accuracy
    Column("classes", Document, nullable=False),
    Column("replicate", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("zeros", Whole, nullable=False),
    Column("prunable", Whole, nullable=False),
    Column("test_accuracy", Double),
    Column("created_at", Double, nullable=False, default=now()),
    ForeignKeyConstraint(["tenant", "unit_key"], ["units.tenant", "units.key"]),
    UniqueConstraint("tenant", "unit_key"),
    UniqueConstraint("tenant", "name"),
    Index("ix_models_tenant_created_at", "tenant", "created_at", "id"),
)

files = Table(
    "files",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("unit_key", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sha256", Text, ForeignKey("objects.sha256"), nullable=False, index=True),
    Column("bytes", Whole, nullable=False),
    ForeignKeyConstraint(["tenant", "unit_key"], ["units.tenant", "units.key"]),
)
