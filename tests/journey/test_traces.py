"""Traces of a real run, at a collector that takes what it gets."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.journey.conftest import Place


class Collector(HTTPServer):
    """Remembers the names of spans, by trace."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.traces: dict[bytes, list[str]] = {}
        self.bodies: list[bytes] = []


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.server.traces.setdefault(span.trace_id, []).append(span.name)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_run_is_one_trace(shop: Place, collector: Collector) -> None:
    shop.config("rpm")
    shop.target("rpm", 'Name = "Name"')
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    done = shop.cli("run", env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "PYTHONWARNINGS": "default"})
    assert (done.code, done.err) == (0, "")
    [names] = collector.traces.values()
    assert sorted(names) == ["POST rpm"] * 6 + ["deliver rpm", "detect crm", "plan rpm", "run"]
    assert b"Jack" not in b"".join(collector.bodies)


def test_a_collector_that_is_away_harms_no_run(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", 'Name = "Name"')
    done = shop.cli("run", env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "PYTHONWARNINGS": "default"})
    assert done.code == 0
    assert len(shop.sandbox.holds("rpm")) == 6
