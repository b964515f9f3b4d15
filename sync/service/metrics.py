"""What happened and where things stand -> Prometheus' text, in a registry of its own."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from sync.facts import Fact, RequestSent, RunEnded, RunStarted, SourceRead, StationPassed, UpdateSettled
from sync.model import Tally
from sync.pipeline.lane import Condition
from sync.ports import Watch

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series beside each counter, which nobody asks for
LAGS = (1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 7200, 21600, 86400)
RUNS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where things stand: customers by target, accounts, and when each target last ran well."""

    tallies: Sequence[Tally] = ()
    conditions: Sequence[Condition] = ()
    succeeded: Mapping[str, datetime] = field(default_factory=dict)


class _Standing(Collector):
    """What is looked up whenever somebody scrapes."""

    def __init__(self) -> None:
        self.now = Snapshot()

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        yield self._customers()
        success = GaugeMetricFamily(
            "customer_sync_last_success_timestamp_seconds", "When a target last ran with nobody put off.", labels=["target"]
        )
        for target, at in self.now.succeeded.items():
            success.add_metric([target], at.timestamp())
        yield success
        yield from self._accounts()
        yield GaugeMetricFamily("customer_sync_tasks", "Tasks of the event loop.", len(asyncio.all_tasks()))

    def _customers(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "customer_sync_customers",
            "Customers by target and state: known, pending, rejected, held, deferred, unknown, gone.",
            labels=["target", "state"],
        )
        for tally in self.now.tallies:
            family.add_metric([tally.target, "known"], tally.known)
            family.add_metric([tally.target, "pending"], tally.waiting)
            for state in ("rejected", "held", "deferred", "unknown", "gone"):
                family.add_metric([tally.target, state], tally.outcomes.get(state, 0))
        return family

    def _accounts(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        waited = CounterMetricFamily(
            "customer_sync_pace_wait_seconds", "Time spent waiting for an account's pace.", labels=["account"]
        )
        circuit = GaugeMetricFamily("customer_sync_circuit_open", "1 while the vendor counts as unwell.", labels=["account"])
        stopped = GaugeMetricFamily("customer_sync_account_stopped", "1 while nothing goes out.", labels=["account"])
        quota = GaugeMetricFamily("customer_sync_quota_remaining", "Calls left of a quota.", labels=["account", "quota"])
        for condition in self.now.conditions:
            waited.add_metric([condition.account], condition.waited)
            circuit.add_metric([condition.account], condition.unwell)
            stopped.add_metric([condition.account], condition.stopped)
            for name, left in condition.quotas.items():
                quota.add_metric([condition.account, name], left)
        yield from (waited, circuit, stopped, quota)


class Metrics(Watch):
    """Counts what it is told."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._standing = _Standing()
        registry.register(self._standing)
        ProcessCollector(registry=registry)
        self._updates = Counter("customer_sync_updates", "Outcomes.", ["target", "outcome"], registry=registry)
        self._retries = Counter("customer_sync_retries", "Updates sent once more.", ["target"], registry=registry)
        self._lag = Histogram(
            "customer_sync_lag_seconds",
            "From a change that was found to its acknowledgement.",
            ["target"],
            buckets=LAGS,
            registry=registry,
        )
        self._rows = Counter("customer_sync_source_rows", "Rows read.", ["source"], registry=registry)
        self._changed = Counter("customer_sync_source_changes", "Rows that had changed.", ["source"], registry=registry)
        self._runs = Histogram("customer_sync_run_duration_seconds", "Runs.", ["result"], buckets=RUNS, registry=registry)
        self._stations = Histogram(
            "customer_sync_station_duration_seconds", "Stations of runs.", ["station", "name"], buckets=RUNS, registry=registry
        )
        self._requests = Histogram(
            "customer_sync_request_duration_seconds", "Requests.", ["account", "status"], registry=registry
        )

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        """Progress is for people."""

    def noted(self, fact: Fact) -> None:
        match fact:
            case UpdateSettled(target, outcome, attempts, lag):
                self._updates.labels(target, outcome.value).inc()
                self._retries.labels(target).inc(max(attempts - 1, 0))
                if lag is not None:
                    self._lag.labels(target).observe(lag)
            case RequestSent(account, _, status, _, seconds):
                self._requests.labels(account, status).observe(seconds)
            case SourceRead(source, rows, changed):
                self._rows.labels(source).inc(rows)
                self._changed.labels(source).inc(changed)
            case StationPassed(station, name, _, seconds):
                self._stations.labels(station, name).observe(seconds)
            case RunEnded(seconds=seconds, well=well):
                self._runs.labels("well" if well else "failed").observe(seconds)
            case RunStarted():
                """Counted when it ends."""

    def text(self, snapshot: Snapshot) -> bytes:
        """Everything, in Prometheus' text format."""
        self._standing.now = snapshot
        return generate_latest(self._registry)
