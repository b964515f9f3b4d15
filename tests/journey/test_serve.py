"""The background service as a process: changes arrive by themselves, and nothing that goes wrong takes the rest along."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.accounts import VENDORS
from tests.journey.conftest import Place, environment

FIELDS = {
    "rpm": 'Name = "Name"',
    "sellercloud": 'Name = "Name"',
    "sparklayer": 'first_name = "Name"',
    "webcommander": '[fields.customer]\nfirst_name = "Name"',
}
SOON = 30.0
"""Seconds after which something has not happened; a busy machine is slow."""


class Service:
    """A `serve` that runs: what it says, and where it listens."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.others: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.others.append(line.decode().rstrip())

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def get(self, path: str) -> tuple[int, str]:
        url = self.said("service.started")[0]["url"]
        try:
            with urlopen(url + path) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def ended(self) -> int:
        code = self.process.wait(SOON)
        self._reader.join(SOON)
        return code

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.ended()


def until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SOON
    while not happened():
        assert time.monotonic() < deadline, f"not within {SOON:g} s: {what}"
        time.sleep(0.02)


@contextmanager
def serving(place: Place, *words: str) -> Iterator[Service]:
    command = [sys.executable, "-m", "sync", "serve", "--listen", "127.0.0.1:0", *words]
    with subprocess.Popen(command, cwd=place.folder, env=environment(), stderr=subprocess.PIPE) as process:
        service = Service(process)
        try:
            until(lambda: bool(service.said("service.started")) or process.poll() is not None, "it starts")
            assert process.poll() is None, service.others
            yield service
        finally:
            process.kill()


@pytest.fixture
def ready(shop: Place) -> Place:
    """Four targets of one source, looked at every second."""
    shop.config(*VENDORS, extra='timeout = "2s"\npatience = "1s"\n[ACCOUNT.breaker]\ncooldown = "500ms"\n')
    text = (shop.folder / "config/sync.toml").read_text()
    for vendor in VENDORS:
        text = text.replace("[ACCOUNT.breaker]", f"[accounts.{vendor}.breaker]", 1)
        shop.target(vendor, FIELDS[vendor], head='id = "Id"\nevery = "1s"')
    shop.write("config/sync.toml", text)
    return shop


def told(place: Place, vendor: str, customer: str) -> str:
    """What a vendor was last told of somebody."""
    return json.dumps(place.sandbox.bodies(vendor).get(customer, {}), ensure_ascii=False)


def test_changes_arrive_at_all_vendors_by_themselves(ready: Place) -> None:
    with serving(ready) as service:
        until(lambda: all(len(ready.sandbox.holds(vendor)) == 6 for vendor in VENDORS), "everybody is known")
        ready.sql("UPDATE customers SET Name = 'Ana Souza' WHERE Id = 4")
        until(lambda: all("Ana Souza" in told(ready, vendor, "4") for vendor in VENDORS), "the change is there")
        assert service.get("/healthz") == (200, '{"format": 1, "alive": true}')
        assert service.get("/readyz") == (200, '{"format":1,"ready":true,"reasons":[]}')
        until(lambda: counted(service, "rpm") == 7, "it is counted")
        assert service.stop() == 0
    assert sorted({line["target"] for line in service.said("update.settled")}) == sorted(VENDORS)
    assert {("run" in line, "target" in line, "customer" in line) for line in service.said("update.settled")} == {(True,) * 3}
    assert "Ana Souza" not in json.dumps(service.lines, ensure_ascii=False)


def metrics(service: Service) -> dict[str, dict[tuple[str, ...], float]]:
    """Every sample by its name and the values of its labels, in the order of the labels' names."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(service.get("/metrics")[1]):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def counted(service: Service, target: str) -> float:
    return metrics(service).get("customer_sync_updates_total", {}).get(("delivered", target), 0)


def test_metrics_tell_what_happened_and_where_things_stand(ready: Place) -> None:
    ready.sandbox.fault(vendor="rpm", fault="status", status=503, times=1)
    ready.sandbox.fault(
        vendor="sellercloud", fault="status", status=400, body='{"Message": "no"}', times=None, match={"customer": "2"}
    )
    with serving(ready) as service:
        until(lambda: counted(service, "rpm") == 6 and counted(service, "sellercloud") == 5, "they are counted")
        time.sleep(11)  # counts of customers are kept for ten seconds
        found = metrics(service)
        assert service.stop() == 0
    assert found["customer_sync_updates_total"]["rejected", "sellercloud"] == 1
    assert found["customer_sync_customers"]["known", "rpm"] == 6
    assert found["customer_sync_customers"]["rejected", "sellercloud"] == 1
    assert found["customer_sync_lag_seconds_count"]["rpm",] == 6
    assert found["customer_sync_retries_total"]["rpm",] == 1
    assert found["customer_sync_request_duration_seconds_count"]["rpm", "503"] == 1
    assert found["customer_sync_circuit_open"]["rpm",] == 0
    assert found["customer_sync_last_success_timestamp_seconds"]["rpm",] > time.time() - 60
    assert found["customer_sync_source_rows_total"]["crm",] >= 6
    assert found["customer_sync_run_duration_seconds_count"]["well",] >= 1


def test_a_vendor_that_is_down_delays_no_other_and_is_caught_up_with(ready: Place) -> None:
    ready.sandbox.fault(vendor="rpm", fault="hang", seconds=60, times=None)
    with serving(ready) as service:
        others = [vendor for vendor in VENDORS if vendor != "rpm"]
        until(lambda: all(len(ready.sandbox.holds(vendor)) == 6 for vendor in others), "the others know everybody")
        ready.sql("UPDATE customers SET Name = 'Ana Souza' WHERE Id = 4")
        until(lambda: all("Ana Souza" in told(ready, vendor, "4") for vendor in others), "the others have the change")
        assert "Ana Souza" not in told(ready, "rpm", "4")
        ready.sandbox.mend()
        until(lambda: "Ana Souza" in told(ready, "rpm", "4"), "the last one has it, too")
        assert service.stop() == 0


def test_a_broken_config_is_refused_and_the_old_one_goes_on(ready: Place) -> None:
    with serving(ready) as service:
        until(lambda: len(ready.sandbox.holds("rpm")) == 6, "everybody is known")
        ready.edit("config/targets/rpm.toml", "Name =", "Nmae =")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: bool(service.said("config.refused")), "it says so")
        ready.sql("UPDATE customers SET Name = 'Ana Souza' WHERE Id = 4")
        until(lambda: "Ana Souza" in told(ready, "rpm", "4"), "the old map holds")
        assert service.get("/readyz")[0] == 200
        assert service.stop() == 0
    [refused] = service.said("config.refused")
    assert refused["mistakes"] == ["config/targets/rpm.toml: fields.Nmae: the vendor has no such field; did you mean Name?"]


def test_a_new_config_is_taken_without_a_restart(ready: Place) -> None:
    with serving(ready) as service:
        until(lambda: len(ready.sandbox.holds("rpm")) == 6, "everybody is known")
        ready.edit("config/targets/rpm.toml", '"Name"', '"{Name} ({Id})"')
        service.process.send_signal(signal.SIGHUP)
        until(lambda: "Ana (4)" in told(ready, "rpm", "4"), "the new map holds")
        assert service.stop() == 0
    assert len(service.said("config.taken")) == 1


def test_stopping_in_the_middle_of_a_delivery_loses_nothing(ready: Place) -> None:
    ready.sandbox.fault(fault="slow", seconds=0.5, times=None)
    with serving(ready) as service:
        until(lambda: len(ready.sandbox.updates()) >= 1, "it delivers")
        assert service.stop() == 0
    assert service.said("service.stopped") != []
    ready.sandbox.mend()
    assert ready.cli("run").code == 0
    assert {vendor: len(ready.sandbox.updates(vendor)) for vendor in VENDORS} == dict.fromkeys(VENDORS, 6)


def test_a_vendor_that_hangs_keeps_no_service_from_stopping_and_what_was_not_settled_is_told(ready: Place) -> None:
    ready.edit("config/sync.toml", 'timeout = "2s"', 'timeout = "60s"')
    ready.sandbox.fault(vendor="rpm", fault="hang", seconds=60, times=None)
    with serving(ready) as service:
        until(lambda: all(len(ready.sandbox.holds(vendor)) == 6 for vendor in VENDORS if vendor != "rpm"), "the others know all")
        begun = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begun < 10  # after which Docker kills
    assert [line["event"] for line in service.lines if line["event"].startswith("service.")] == [
        "service.started",
        "service.stopping",
        "service.stopped",
    ]
    assert service.said("service.stopped")[0]["unsettled"] == {"rpm": 6}
    assert service.others == []
    ready.sandbox.mend()
    assert ready.cli("run").code == 0
    assert len(ready.sandbox.holds("rpm")) == 6


def test_a_side_task_that_dies_ends_the_service_and_is_named(ready: Place) -> None:
    with serving(ready) as service:
        until(lambda: len(ready.sandbox.holds("rpm")) == 6, "everybody is known")
        ready.state("DROP TABLE intents")
        ready.sql("UPDATE customers SET Name = 'Ana Souza' WHERE Id = 4")
        assert service.ended() == 1
    [failed] = service.said("service.failed")
    assert failed["reason"] == "state.db: no such table: intents"
    assert service.others == [f"the service has ended: {failed['task']}: {failed['reason']}"]


def test_other_commands_work_while_it_runs(ready: Place) -> None:
    ready.sandbox.fault(vendor="rpm", fault="status", status=200, body='{"Error": {"Message": "Customer not found"}}', times=None,
                        match={"customer": "3"})  # fmt: skip
    with serving(ready) as service:
        until(lambda: counted(service, "rpm") == 5, "all but one are there")
        status, failures, plan, explained = ready.all(
            ("status", "--json"), ("failures", "--json"), ("plan", "--format", "json"), ("explain", "rpm", "3", "Name", "--json")
        )
        assert (status.code, failures.code, plan.code, explained.code) == (0, 0, 0, 0), (status, failures, plan, explained)
        assert [(one["target"], one["customer"]) for one in failures.tree["failures"]] == [("rpm", "3")]
        ready.sandbox.mend()
        assert ready.cli("retry", "--target", "rpm", "3").code == 0
        until(lambda: counted(service, "rpm") == 6, "it is tried again without being told twice")
        run = ready.cli("run")
        assert (run.code, run.err) == (
            1,
            f"state.db: another customer-sync (process {service.process.pid}) is running on this state\n",
        )
        assert service.stop() == 0


def test_where_it_cannot_listen_it_says_what_to_do(ready: Place) -> None:
    with serving(ready) as service:
        port = service.said("service.started")[0]["url"].rpartition(":")[2]
        ready.edit("config/sync.toml", "state.db", "other.db")
        taken = ready.cli("serve", "--listen", f"127.0.0.1:{port}")
        wrong = ready.cli("serve", "--listen", "8910")
        assert service.stop() == 0
    assert (taken.code, taken.err) == (1, f"cannot listen on 127.0.0.1:{port}: Address already in use: name another --listen\n")
    assert (wrong.code, wrong.err) == (1, '--listen has to be HOST:PORT, such as "127.0.0.1:8910"\n')


def test_where_others_can_reach_it_it_does_not_start_without_credentials(ready: Place) -> None:
    done = ready.cli("serve", "--listen", "0.0.0.0:0")
    assert (done.code, done.out) == (1, "")
    assert "set token, or username and password, or listen on 127.0.0.1" in done.err
    assert done.err.count("\n") == 1
    assert not (ready.folder / "state.db").exists()


def test_a_config_that_would_let_everybody_in_is_refused_while_it_runs(ready: Place) -> None:
    text = (ready.folder / "config/sync.toml").read_text()
    ready.write("config/sync.toml", '[service]\ntoken = "a-token-of-some-length"\n' + text)
    with serving(ready, "--listen", "0.0.0.0:0") as service:
        url = service.said("service.started")[0]["url"].replace("0.0.0.0", "127.0.0.1")
        with pytest.raises(HTTPError) as refused:
            urlopen(url + "/runs")
        refused.value.close()
        assert refused.value.code == 401
        ready.write("config/sync.toml", text)
        service.process.send_signal(signal.SIGHUP)
        until(lambda: bool(service.said("config.refused")), "it is refused")
        assert "nobody would have to log in" in str(service.said("config.refused"))
        with pytest.raises(HTTPError) as refused:
            urlopen(url + "/runs")
        refused.value.close()
        assert refused.value.code == 401
        with urlopen(Request(url + "/events", headers={"Authorization": "Bearer a-token-of-some-length"})) as stream:
            assert stream.readline() == b": hello\n"
            assert service.stop() == 0  # also while somebody looks on
