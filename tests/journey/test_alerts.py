"""Alerts of a real process, at a webhook that takes what it gets."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.accounts import VENDORS
from tests.journey.conftest import Place
from tests.journey.test_serve import FIELDS, serving, until

SECRET = "hook-secret-0815"


class Webhook(ThreadingHTTPServer):
    """Remembers what it was told. It can be out of order, and it can be slow."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.status = 200
        self.titles: list[str] = []
        self.bodies: list[str] = []
        self.waits = threading.Event()
        self.waits.set()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_port}/{SECRET}"


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Webhook)
        tree = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.titles.append(tree["title"])
        self.server.bodies.append(tree["message"])
        self.server.waits.wait(60)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.waits.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def ready(shop: Place, webhook: Webhook) -> Place:
    """Four targets of one source, and somebody who is told."""
    shop.config(*VENDORS, extra='timeout = "1s"\npatience = "1s"\n')
    text = (shop.folder / "config/sync.toml").read_text()
    shop.write("hook", webhook.url)
    shop.write("config/sync.toml", f'{text}\n[alerts]\nurls = [{{ file = "hook" }}]\nafter = "1s"\n')
    for vendor in VENDORS:
        shop.target(vendor, FIELDS[vendor], head='id = "Id"\nevery = "1s"')
    return shop


def refuse(place: Place) -> None:
    """One vendor lets nobody in."""
    place.sandbox.fault(
        vendor="sellercloud", fault="status", status=400, body='{"Message": "no"}', times=None, match={"endpoint": "token"}
    )


def test_refused_credentials_are_told_once_also_over_a_restart_and_once_that_they_are_accepted(
    ready: Place, webhook: Webhook
) -> None:
    refuse(ready)
    refused = "customer-sync: account sellercloud: its credentials are refused"
    with serving(ready) as service:
        until(lambda: webhook.titles == [refused], "it is told")
        listed = ready.cli("alert", "--json").tree["alerts"]
        assert service.stop() == 0
        assert SECRET not in json.dumps([service.lines, service.others])
    assert [alert["about"] for alert in listed] == ["accounts.sellercloud.refused"]
    with serving(ready) as service:
        until(lambda: bool(service.said("account.stopped")), "they are refused again")
        time.sleep(3)  # longer than it takes to tell
        assert service.stop() == 0
    assert webhook.titles == [refused]
    ready.sandbox.mend()
    with serving(ready) as service:
        until(lambda: len(webhook.titles) == 2, "that it is over is told")
        assert service.stop() == 0
    assert webhook.titles[1] == "customer-sync: over: account sellercloud: its credentials are refused"
    assert ready.cli("alert").out == "Nobody was told that anything is wrong.\n"
    assert not any(name in " ".join(webhook.bodies) for name in ("Zoë", "Jack", "Ana"))


def test_an_alert_that_nobody_takes_harms_nothing(ready: Place, webhook: Webhook) -> None:
    webhook.waits.clear()
    refuse(ready)
    others = [vendor for vendor in VENDORS if vendor != "sellercloud"]
    with serving(ready) as service:
        until(lambda: bool(webhook.titles), "it is being told")
        ready.sql("UPDATE customers SET Name = 'Ana Souza' WHERE Id = 4")
        until(lambda: all("Ana Souza" in json.dumps(ready.sandbox.bodies(vendor)) for vendor in others), "the others go on")
        begun = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begun < 8


def test_a_gate_that_has_tripped_is_told_until_what_it_holds_is_released(ready: Place, webhook: Webhook) -> None:
    ready.target("rpm", FIELDS["rpm"], head='id = "Id"\nevery = "1s"', tail="[gates]\nmax_updates = 1\n")
    with serving(ready) as service:
        until(lambda: bool(webhook.titles), "it is told")
        assert ready.cli("release", "rpm", "--gate", "max_updates").code == 0
        until(lambda: len(webhook.titles) == 2, "that it is over is told")
        assert service.stop() == 0
    tripped = "target rpm: the gate max_updates has tripped"
    assert webhook.titles == [f"customer-sync: {tripped}", f"customer-sync: over: {tripped}"]
    assert "customer-sync release rpm --gate max_updates" in webhook.bodies[0]
    assert len(ready.sandbox.holds("rpm")) == 6


def test_whether_alerts_arrive_can_be_tried(ready: Place, webhook: Webhook) -> None:
    tried = ready.cli("alert", "--test")
    assert (tried.code, tried.out, webhook.titles) == (0, "alerts.urls[0]: sent\n", ["customer-sync: a test"])
    webhook.status = 500
    failed = ready.cli("alert", "--test")
    assert (failed.code, failed.out, len(webhook.titles)) == (1, "", 4)
    assert failed.err.startswith("alerts.urls[0]: ")
    assert SECRET not in failed.err


def test_an_address_that_cannot_be_one_is_a_mistake_that_does_not_quote_it(ready: Place) -> None:
    ready.write("hook", f"carrierpigeon://{SECRET}")
    for command in ("check", "serve"):
        done = ready.cli(command)
        assert done.code == 1
        assert done.err.startswith("config/sync.toml: alerts.urls[0]: is no address that apprise knows")
        assert SECRET not in done.err
