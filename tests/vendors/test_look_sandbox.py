"""An update of every field, sent to the sandbox and read back: `look` says what is held, and what is not."""

from collections.abc import AsyncIterator, Generator
from decimal import Decimal
from typing import Any

import pytest

from sync.errors import Unclear
from sync.model import UNKNOWN, Change, Receipt, Reply, Request, Token, Update
from sync.ports import Vendor
from sync.sandbox.server import Running, serve
from sync.vendors import bundled
from sync.wire import Wire, open_wire

CREDENTIALS = {"password": "p", "client_id": "c", "client_secret": "s"}
ACCOUNTS: dict[str, dict[str, str]] = {
    "rpm": {"key": "k"},
    "sellercloud": {"username": "u", "password": "p"},
    "sparklayer": {"site_id": "here", "client_id": "c", "client_secret": "s"},
    "webcommander": {"username": "u", **CREDENTIALS, "redirect_uri": "http://x/"},
}
LEAVES: dict[str, dict[str, Any]] = {
    "rpm": {"Name": "Ümit & Söhne", "Website": "x.example", "Fields.Rate": "1.50", "Fields.No. of sites": "3"},
    "sellercloud": {
        "Title": "Ms",
        "Name": "Zoë",
        "Email": "z@x.org",
        "EmailCC": "",
        "BusinessName": "Z",
        "BusinessAliases": ["b", "a"],
        "SourceId": "7",
        "IsWholesale": False,
        "CompanyId": 3,
        "AccountManager1Id": 0,
        "AccountManager1Commission": Decimal("1.5"),
        "AccountManager2Id": 4,
        "AccountManager2Commission": Decimal(0),
        "AccountManager3Id": 5,
        "AccountManager3Commission": Decimal("0.25"),
        "Salesman": "web",
        "Comments": "",
        "Rating": 4,
        "Phone1": "+61",
        "Phone2": "2",
        "Phone3": "3",
        "Mobile": "4",
        "Fax": "5",
    },
    "sparklayer": {
        "title": "Mr",
        "first_name": "Tom",
        "last_name": None,
        "email": "t@x.org",
        "company_name": "T",
        "accounting_id": "A1",
        "status": "active",
        "group": "base",
        "role": "main",
        "currency_code": "gbp",
        "price_lists": ["b", "a"],
        "discount_percentage": Decimal("12.5"),
        "tax_exempt": False,
        "payment_by_invoice": True,
        "metadata.tier": "gold",
        "metadata.since": 2020,
    },
    "webcommander": {
        "customer.first_name": "Zoë",
        "customer.last_name": "P",
        "customer.gender": "female",
        "customer.email": "z@x.org",
        "customer.company_name": "Z",
        "customer.address_line": "1 High St",
        "customer.city": "Perth",
        "customer.post_code": "0800",
        "customer.phone": "+61 8 5550 0101",
        "customer.abn": "51824753556",
        "customer.abn_branch": "001",
        "store_credit": Decimal("5.5"),
        "credit_limit": Decimal(100),
        "allow_credit_limit": True,
    },
}
NOT_SHOWN = {"sparklayer": "default_billing_address_id", "webcommander": "customer.newsletter.subscribed"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with serve() as running:
        yield running


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with open_wire() as opened:
        yield opened


def update_of(vendor: Vendor, leaves: dict[str, Any]) -> Update:
    identity = vendor.identify("7")
    changes = tuple(Change(name, UNKNOWN, value) for name, value in leaves.items())
    return Update("7", identity, 1, changes, leaves, vendor.requests(identity, changes, leaves))


async def converse(vendor: Vendor, wire: Wire, exchange: Generator[Request, Reply, Any], token: Token | None) -> Any:
    try:
        request = next(exchange)
        while True:
            request = exchange.send(await wire.send(vendor.sign(request, token), seconds=5))
    except StopIteration as done:
        return done.value


async def signed_in(name: str, sandbox: Running, wire: Wire) -> tuple[Vendor, Token | None]:
    dialect: Any = bundled()[name]
    vendor: Vendor = dialect(dialect.Account(base_url=sandbox.base_url(name), **ACCOUNTS[name]))
    return vendor, await converse(vendor, wire, vendor.sign_in(None), None) if vendor.signs_in else None


@pytest.mark.parametrize("name", sorted(LEAVES))
async def test_what_was_sent_is_held_field_by_field_and_what_was_not_is_missing(name: str, sandbox: Running, wire: Wire) -> None:
    vendor, token = await signed_in(name, sandbox, wire)
    update = update_of(vendor, LEAVES[name])
    assert await converse(vendor, wire, vendor.exchange(update), token) == Receipt()
    assert await converse(vendor, wire, vendor.look(update), token) == Receipt()
    for field, value in LEAVES[name].items():
        other = [*value, "more"] if isinstance(value, list) else (not value if isinstance(value, bool) else f"{value or 0}9")
        changed = update_of(vendor, {field: other})
        looked = await converse(vendor, wire, vendor.look(changed), token)
        assert [error.field for error in looked.missing] == [field]


@pytest.mark.parametrize("name", sorted(NOT_SHOWN))
async def test_a_field_that_no_read_shows_cannot_be_told(name: str, sandbox: Running, wire: Wire) -> None:
    vendor, token = await signed_in(name, sandbox, wire)
    value: Any = True if name == "webcommander" else "ca_1"
    with pytest.raises(Unclear):
        await converse(vendor, wire, vendor.look(update_of(vendor, {NOT_SHOWN[name]: value})), token)


@pytest.mark.parametrize("name", sorted(LEAVES))
async def test_a_customer_who_is_not_there_cannot_be_told(name: str, sandbox: Running, wire: Wire) -> None:
    vendor, token = await signed_in(name, sandbox, wire)
    sandbox.state.switches.set({f"{name}.unknown_id": "not_found"})
    field, value = next(iter(LEAVES[name].items()))
    with pytest.raises(Unclear):
        await converse(vendor, wire, vendor.look(update_of(vendor, {field: value})), token)
