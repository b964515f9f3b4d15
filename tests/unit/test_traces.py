"""What happened -> spans that hang together, without a value."""

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.contextvars import bound_contextvars

from sync.facts import RequestSent, RunEnded, RunStarted, StationPassed
from sync.service.traces import Traces


def told() -> dict[str, ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces = Traces(provider.get_tracer("test"))
    traces.noted(RunStarted("run-1", 100.0))
    with bound_contextvars(run="run-1"):
        traces.noted(StationPassed("detect", "crm", 100.0, 0.5))
        with bound_contextvars(target="shop", customer="7"):
            traces.noted(RequestSent("rpm", "POST", "200", 101.0, 0.25))
            traces.noted(StationPassed("deliver", "shop", 100.5, 1.0))
    with bound_contextvars(run="another"):
        traces.noted(RequestSent("rpm", "GET", "200", 101.0, 0.25))
    traces.noted(RunEnded("run-1", ("shop",), 100.0, 2.0, well=True))
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_run_is_one_trace_with_its_stations_and_requests() -> None:
    spans = told()
    assert sorted(spans) == ["POST rpm", "deliver shop", "detect crm", "run"]
    root = spans["run"].context
    assert root is not None
    assert {span.context.trace_id for span in spans.values() if span.context} == {root.trace_id}
    assert {span.parent and span.parent.span_id for name, span in spans.items() if name != "run"} == {root.span_id}


def test_spans_last_as_long_as_what_they_tell_of() -> None:
    times = {name: (span.start_time, span.end_time) for name, span in told().items()}
    assert times["run"] == (100_000_000_000, 102_000_000_000)
    assert times["POST rpm"] == (101_000_000_000, 101_250_000_000)


def test_a_span_says_where_and_how_and_nothing_else() -> None:
    spans = told()
    assert dict(spans["POST rpm"].attributes or {}) == {
        "http.request.method": "POST",
        "customer_sync.account": "rpm",
        "customer_sync.status": "200",
        "customer_sync.target": "shop",
        "customer_sync.customer": "7",
    }
    assert dict(spans["run"].attributes or {}) == {"customer_sync.run": "run-1", "customer_sync.targets": ("shop",)}
    assert spans["run"].status.is_ok
