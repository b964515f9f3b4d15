"""One vendor as the source of another, with a real process: everybody arrives, nothing is sent twice, a change follows."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.journey.conftest import Place, environment

MANY = 23
NAMED: dict[str, Any] = {
    "rpm": lambda _, name: {"Name": name, "Fields": {"Region": "North"}},
    "sellercloud": lambda _, name: {"Name": name, "Email": "a@example.org", "Phone1": "08 5550 0101"},
    "sparklayer": lambda number, name: {"first_name": name, "metadata": {"number": number}},
    "webcommander": lambda _, name: {"customer": {"first_name": name, "email": f"{name}@example.org", "city": "Perth"}},
}
MAPS = {
    ("sellercloud", "sparklayer"): ("ID", 'first_name = "Name"\nemail = "{ID}@example.org"\nmetadata.phone = "Phone1"'),
    ("webcommander", "sparklayer"): ("id", 'first_name = "first_name"\nmetadata.city = "city"'),
    ("rpm", "sellercloud"): ("CustomerID", 'Name = "Name"\nComments = "Fields.Region"'),
    ("sparklayer", "webcommander"): (
        "metadata.number",
        '[fields.customer]\nfirst_name = "first_name"',
    ),
}


def seeded(place: Place, vendor: str, customers: dict[int, str]) -> None:
    named = {f"cu_{id}" if vendor == "sparklayer" else str(id): NAMED[vendor](id, name) for id, name in customers.items()}
    place.sandbox._call("POST", "/_sandbox/customers", {"vendor": vendor, "customers": named})


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def name_of(held: Any) -> Any:
    return held.get("first_name") or held.get("Name") or held.get("customer", {}).get("first_name")


@pytest.mark.parametrize(("source", "target"), MAPS)
def test_one_vendor_feeds_another(place: Place, source: str, target: str) -> None:
    id, fields = MAPS[source, target]
    seeded(place, source, {number: f"Ann {number}" for number in range(1001, 1001 + MANY)})
    place.config(source, target, source=f'kind = "http"\naccount = "{source}"\n')
    place.target(target, fields, head=f'id = "{id}"')
    assert place.cli("check", "--online").code == 0
    planned = place.cli("plan", "--format", "json")
    assert len(planned.tree["targets"][target]["updates"]) == MANY
    assert place.sandbox.updates() == []
    assert place.cli("run").code == 0
    assert {name_of(held) for held in place.sandbox.holds(target).values()} == {f"Ann {1001 + number}" for number in range(MANY)}
    sent = len(place.sandbox.updates())
    again = place.cli("run")
    assert (again.code, len(place.sandbox.updates())) == (0, sent)
    seeded(place, source, {1007: "Bea"})
    assert place.cli("run").code == 0
    assert len(place.sandbox.updates()) == sent + 1
    assert "Bea" in {name_of(held) for held in place.sandbox.holds(target).values()}


def test_a_source_and_the_targets_of_one_account_share_its_limit(place: Place) -> None:
    """Sellercloud feeds itself: its list, its details and its updates together keep the pace of the account."""
    seeded(place, "sellercloud", {number: f"Ann {number}" for number in range(1001, 1006)})
    place.sandbox.switch(sellercloud__limit="20/s")
    place.config("sellercloud", source='kind = "http"\naccount = "sellercloud"\n', extra='rate = "20/s"\n')
    place.target("sellercloud", 'Comments = "{Name} {Phone1}"', head='id = "ID"')
    assert place.cli("run").code == 0
    statuses = [entry["status"] for entry in place.sandbox.history("sellercloud")]
    assert (statuses.count(429), len(place.sandbox.updates())) == (0, 5)


def test_a_source_that_cannot_be_read_is_told_and_nothing_is_sent(place: Place) -> None:
    seeded(place, "webcommander", {number: f"Ann {number}" for number in range(1001, 1030)})
    place.config(
        "webcommander", "sparklayer", source='kind = "http"\naccount = "webcommander"\n', extra="retry = { attempts = 1 }\n"
    )
    place.target("sparklayer", 'first_name = "first_name"', head='id = "id"')
    place.sandbox.fault(fault="status", status=500, vendor="webcommander", times=None, after=2, match={"endpoint": "list"})
    done = place.cli("run")
    assert done.code == 1
    assert "sources.crm: 500 Internal Server Error" in done.out + done.err
    assert place.sandbox.updates() == []
    place.sandbox.mend()
    assert place.cli("run").code == 0
    assert len(place.sandbox.updates()) == 29


def test_the_service_follows_a_vendor_that_is_a_source(place: Place) -> None:
    seeded(place, "webcommander", {number: f"Ann {number}" for number in range(1001, 1001 + MANY)})
    place.config("webcommander", "sparklayer", source='kind = "http"\naccount = "webcommander"\n')
    head = 'id = "id"\nevery = "1s"'
    place.target("sparklayer", 'first_name = "first_name"', head=head)
    command = [sys.executable, "-m", "sync", "serve", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=place.folder, env=environment(), stderr=subprocess.DEVNULL) as service:
        try:
            until(lambda: len(place.sandbox.updates()) == MANY)
            seeded(place, "webcommander", {1007: "Bea"})
            until(lambda: len(place.sandbox.updates()) == MANY + 1)
        finally:
            service.terminate()
    assert service.returncode == 0
    assert name_of(place.sandbox.bodies("sparklayer")["1007"]) == "Bea"


def test_secrets_of_an_account_that_is_a_source_are_told_nowhere(place: Place) -> None:
    place.config("webcommander", "sparklayer", source='kind = "http"\naccount = "webcommander"\n')
    place.target("sparklayer", 'first_name = "first_name"', head='id = "id"')
    said = '{"message": "who is sandbox-password of sandbox-secret?"}'
    place.sandbox.fault(fault="status", status=403, body=said, vendor="webcommander", times=None, match={"endpoint": "list"})
    for words in (("plan",), ("run",), ("check", "--online")):
        done = place.cli(*words)
        assert "who is *** of ***?" in done.out + done.err
        assert "sandbox-password" not in done.out + done.err
        assert done.code == 1


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('account = "webcomander"', "sources.crm.account: there is no [accounts.webcomander]; did you mean webcommander?"),
        ('account = "webcommander"\nkey = "id"', "key: with an account, its vendor and [accounts.webcommander] say this"),
        ("", "one of url and account is needed"),
        ('url = "api.example.com"\nkey = "id"', "sources.crm.url: has to be an address"),
        ('url = "https://a.example"\nkey = "id"\nitems = "a..b["', "sources.crm.items: is not a path"),
        ('url = "https://a.example"\nkey = "id"\ncursor = "t"', "cursor needs since"),
        ('url = "https://a.example"\nkey = "id"\n[sources.crm.paging]\nkind = "pages"', "sources.crm.paging.kind: "),
        ('url = "https://a.example"\nkey = "id"\n[sources.crm.auth]\nkind = "bearer"\ntokn = "x"', "tokn: unknown key"),
    ],
)
def test_a_mistake_in_the_table_is_told_with_its_key(place: Place, table: str, told: str) -> None:
    place.config("webcommander", source=f'kind = "http"\n{table}\n')
    place.target("webcommander", 'store_credit = "id"', head='id = "id"')
    done = place.cli("check")
    assert done.code == 1
    assert told in done.out + done.err
