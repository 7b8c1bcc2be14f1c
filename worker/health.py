"""`python -m worker.health`: the container's health check: whether the worker has been seen of late, by its own row."""

import sys

from winnow.db.engine import Database
from winnow.jobs import workers
from worker.settings import Settings


def main() -> int:
    """0 where the worker of that name is alive; else 1, or a traceback where it cannot be asked."""
    settings = Settings()
    with Database(settings.database_url).read() as connection:
        row = workers.find(connection, settings.worker_name)
    return 0 if row is not None and row.live else 1


if __name__ == "__main__":
    sys.exit(main())
