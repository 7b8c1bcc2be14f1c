"""What Prometheus reads: requests served by this process, and what the rows say of jobs, units and workers."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from app.ops import queries

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class HttpMetrics:
    """Counters of one app, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        labels = ["method", "route", "status"]
        self._requests = Counter("winnow_http_requests", "Requests served.", labels, registry=self._registry)
        self._seconds = Histogram(
            "winnow_http_request_seconds",
            "Time to the end of the answer.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        # A method that nobody serves can be any text: each would be a series of its own for ever.
        known = method if method in ("GET", "HEAD", "POST") else "other"
        self._requests.labels(known, route, str(status)).inc()
        if not route.endswith("/events"):  # a stream lasts as long as its job
            self._seconds.labels(route).observe(seconds)

    def render(self, conn: Connection) -> bytes:
        """Everything in Prometheus' text format."""
        rows = CollectorRegistry(auto_describe=False)
        rows.register(_Rows(conn))
        return generate_latest(self._registry) + generate_latest(rows)


class _Rows(Collector):
    """Gauges counted from the rows at the moment they are read."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("winnow_jobs", "Jobs by state.", labels=["state"])
        for state, count in queries.jobs_by_state(self._conn):
            jobs.add_metric([state], count)
        yield jobs
        units = GaugeMetricFamily("winnow_units", "Units by state and resource.", labels=["state", "resource"])
        for state, resource, count in queries.units_by_state(self._conn):
            units.add_metric([state, resource], count)
        yield units
        workers = GaugeMetricFamily("winnow_workers", "Live workers by resource.", labels=["resource"])
        slots = GaugeMetricFamily("winnow_slots", "Slots of live workers.", labels=["resource", "state"])
        for resource, there in queries.live_workers(self._conn).items():
            workers.add_metric([resource], there.workers)
            slots.add_metric([resource, "busy"], there.busy)
            slots.add_metric([resource, "free"], there.slots - there.busy)
        yield workers
        yield slots
