"""What happened -> OpenTelemetry: a trace for each run, with a span for each station and each request. No values.

Needs the extra `otel`, and OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) to say where to.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from structlog.contextvars import get_contextvars

from sync.facts import Fact, RequestSent, RunEnded, RunStarted, StationPassed
from sync.ports import Watch

EXPORT_SECONDS = 3.0
"""A collector that does not answer must not keep the process from ending."""


class Traces(Watch):
    """Makes spans of what it is told; those of a run hang together by the run that is bound to the log."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        self._runs: dict[str, trace.Span] = {}

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        """Progress is for people."""

    def noted(self, fact: Fact) -> None:
        match fact:
            case RunStarted(run, started):
                name = {"customer_sync.run": run}
                self._runs[run] = self._tracer.start_span("run", Context(), start_time=_ns(started), attributes=name)
            case StationPassed(station, name, started, seconds):
                self._span(f"{station} {name}", started, seconds, {"customer_sync.station": station})
            case RequestSent(account, method, status, started, seconds):
                said = {"http.request.method": method, "customer_sync.account": account, "customer_sync.status": status}
                self._span(f"{method} {account}", started, seconds, said)
            case RunEnded(run, targets, started, seconds, well):
                self._end(self._runs.pop(run, None), targets, started + seconds, well=well)
            case _:
                """Counted, not traced."""

    def _span(self, name: str, started: float, seconds: float, attributes: Mapping[str, str]) -> None:
        bound = get_contextvars()
        root = self._runs.get(bound.get("run", ""))
        if root:
            where = {f"customer_sync.{key}": str(bound[key]) for key in ("target", "customer") if key in bound}
            context = trace.set_span_in_context(root, Context())
            span = self._tracer.start_span(name, context, start_time=_ns(started), attributes={**attributes, **where})
            span.end(_ns(started + seconds))

    def _end(self, root: trace.Span | None, targets: tuple[str, ...], at: float, *, well: bool) -> None:
        if root:
            root.set_attribute("customer_sync.targets", targets)
            root.set_status(trace.StatusCode.OK if well else trace.StatusCode.ERROR)
            root.end(_ns(at))


@asynccontextmanager
async def exporting() -> AsyncIterator[Traces]:
    """Spans are sent from a thread of their own; what is left is sent at the end."""
    resource = Resource.create({"service.name": "customer-sync", "service.version": version("customer-sync")})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_SECONDS)))
    try:
        yield Traces(provider.get_tracer("customer-sync"))
    finally:
        last = threading.Thread(target=provider.shutdown, daemon=True)
        last.start()
        await asyncio.to_thread(last.join, EXPORT_SECONDS)


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
