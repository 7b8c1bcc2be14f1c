"""What every database of jobs keeps to. A new one is done when its subclass, which gives `database`, passes."""

import pytest

from tests.conformance.job_store.claiming import Claiming
from tests.conformance.job_store.ending import Ending
from tests.conformance.job_store.following import Following
from tests.conformance.job_store.keeping import Keeping
from tests.conformance.job_store.leases import Leases
from tests.conformance.job_store.running import Running
from tests.support.driver import Driver
from winnow.db.engine import Database


class JobStoreConformance(Running, Claiming, Leases, Ending, Following, Keeping):
    """Promises of the job protocol, whatever keeps the rows."""

    @pytest.fixture
    def database(self) -> Database:
        """An empty database of the backend under test, with all tables."""
        raise NotImplementedError

    @pytest.fixture
    def jobs(self, database: Database) -> Driver:
        """Hands on it, and one worker."""
        driver = Driver(database)
        driver.register()
        return driver
