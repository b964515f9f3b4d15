"""Each vendor's dialect as a real courier speaks it to the sandbox, and a value for every field that it has."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import pytest

from sync.log import Redactor
from sync.model import Baseline, Customer, Receipt, Record, Reply, Request, Settlement, Standing, Token, Update
from sync.pipeline.courier import Courier
from sync.pipeline.diff import diff
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.project import Projection, Rule, project
from sync.pipeline.speaker import Speaker
from sync.ports import Vendor
from sync.sandbox.server import Running, serve
from sync.vendors import bundled
from sync.vendors.schema import fields
from sync.wire import Wire, open_wire

LONG = 'Zoë "O\'Brien" & Söhne 李 😀\n' * 200
CREDENTIALS = {"password": "p", "client_id": "c", "client_secret": "s"}
ACCOUNTS: dict[str, dict[str, str]] = {
    "rpm": {"key": "k"},
    "sellercloud": {"username": "u", "password": "p"},
    "sparklayer": {"site_id": "here", "client_id": "c", "client_secret": "s"},
    "webcommander": {"username": "u", **CREDENTIALS, "redirect_uri": "http://x/"},
}
SWITCHES = {"rpm.address": "location"}
"""As the sandbox stands, RPM does nothing with an address."""
VALUES: dict[str, dict[str, Any]] = {
    "rpm": {
        "Name": "Ümit & Söhne",
        "Website": "https://x.example/?a=b&c=%20",
        "Address": LONG,
        "Fields.Rate": "1.50",
        "Fields.No. of sites": 0,
        "Fields.VIP": False,
        "Fields.Regions": ["North", "South"],
    },
    "sellercloud": {
        "Title": "Ms",
        "Name": 'Zoë "O\'Brien" 李',
        "Email": "z@x.org",
        "EmailCC": "a@x.org; b@x.org",
        "BusinessName": "  Z ",
        "BusinessAliases": ["b", "a", "b"],
        "SourceId": "007",
        "IsWholesale": False,
        "CompanyId": 0,
        "AccountManager1Id": 2**31 - 1,
        "AccountManager1Commission": 0.1,
        "AccountManager2Id": 4,
        "AccountManager2Commission": 0,
        "AccountManager3Id": 5,
        "AccountManager3Commission": -1234.5678,
        "Salesman": "null",
        "Comments": LONG,
        "Rating": "Very_Disatisfied",
        "Phone1": "+61 2 5550 0101",
        "Phone2": "0800",
        "Phone3": "3",
        "Mobile": "04",
        "Fax": "5",
    },
    "sparklayer": {
        "addresses": [{"address_line1": "1 High St", "city": "Köln", "country_code": "DE", "external_id": "A/1"}],
        "title": "Mr",
        "first_name": "Tom 李",
        "last_name": "O'Neil",
        "email": "T@x.org",
        "company_name": LONG,
        "external_id": "X/1?#%",
        "accounting_id": "007",
        "status": "inactive",
        "group": "base",
        "role": "sales-agent",
        "default_billing_address_id": "A/1",
        "default_shipping_address_id": "A/1",
        "available_shipping_addresses": ["ca_2", "ca_1"],
        "currency_code": " GBP",
        "sales_agent_groups": ["north", "south"],
        "price_lists": ["b", "a"],
        "vatin_numbers": ["GB 999 9999 73", "DE123456789"],
        "discount_percentage": 33.333333333333336,
        "tax_exempt": False,
        "payment_by_invoice": True,
        "payment_on_account.credit_limit": 0.1,
        "payment_on_account.currency_code": "EUR",
        "payment_on_account.net_terms": 0,
        "metadata.a.b": 1.5,
        "metadata.address": "n",
        "metadata.flags": [True, 2, "x"],
        "parent_customer.id": "cu_9",
        "parent_customer.external_id": "P/1",
    },
    "webcommander": {
        "customer.first_name": 'Zoë "O\'Brien" 李',
        "customer.last_name": "P",
        "customer.shipping_profile": "12",
        "customer.gender": "Female",
        "customer.email": "Z@x.org",
        "customer.company_name": LONG,
        "customer.address_line": "1  High St",
        "customer.country": "Österreich",
        "customer.state": "São Paulo",
        "customer.post_code": "0800",
        "customer.city": "Perth",
        "customer.mobile": "04",
        "customer.phone": "+61 (8) 5550-0101 x7",
        "customer.abn": "00123456789",
        "customer.abn_branch": "001",
        "customer.newsletter.subscribed": False,
        "customer.password": 'pass "word" 李',
        "store_credit": 0,
        "credit_limit": 1000.55,
        "customer_password_expired": False,
        "allow_credit_limit": True,
    },
}


@dataclass
class Desk:
    """One vendor, and one customer there."""

    name: str
    vendor: Vendor
    sandbox: Running
    wire: Wire
    id: str = "7"

    def update(self, values: Mapping[str, Any], *, before: Mapping[str, Any] | None = None) -> Update:
        """These fields by dotted name, projected, compared with the baseline and said; None clears."""
        known = fields(self.vendor.Customer)
        rules = tuple(Rule(_path(name, known), (), itemgetter(name), "clear") for name in values)
        projection = Projection(rules, self.vendor.Customer, known, "id", self.vendor.identify, lambda text: f"print of {text}")
        record = project(Customer("7", {**values, "id": self.id}), projection)
        assert isinstance(record, Record), record
        baseline = Baseline(self.vendor.place, record.identity.value, before)
        changes = diff(record, baseline, place=self.vendor.place, about=projection.about, sources={})
        leaves = {**(before or {}), **record.leaves}
        return Update("7", record.identity, 1, changes, leaves, self.vendor.requests(record.identity, changes, leaves))

    async def carry(self, update: Update) -> Settlement:
        """As a run does it."""
        lane = Lane("account", LanePolicy(), Standing(), asyncio.Event())
        return await Courier(self.vendor, Speaker(self.vendor, lane, self.wire, Redactor())).carry(update)

    async def look(self, update: Update) -> Receipt:
        """What reading back says."""
        token = await self._converse(self.vendor.sign_in(None), None) if self.vendor.signs_in else None
        receipt: Receipt = await self._converse(self.vendor.look(update), token)
        return receipt

    def held(self, field: str) -> Any:
        """What the sandbox has of the customer under our dotted name; None for nothing."""
        return _member(self.sandbox.state.customers(self.name)[self.id], field)

    async def _converse(self, exchange: Generator[Request, Reply, Any], token: Token | None) -> Any:
        try:
            request = next(exchange)
            while True:
                request = exchange.send(await self.wire.send(self.vendor.sign(request, token), seconds=5))
        except StopIteration as done:
            return done.value


def _member(held: Any, field: str) -> Any:
    first, _, rest = field.partition(".")
    if not isinstance(held, dict) or field in held or not rest:
        return held.get(field) if isinstance(held, dict) else None
    return _member(held.get(first), rest)


def _path(name: str, known: Mapping[str, Any]) -> tuple[str, ...]:
    """A name in a free object may hold dots of its own."""
    return tuple(name.split(".", 1 if f"{name.split('.', 1)[0]}.*" in known else -1))


@pytest.fixture
async def desk_of() -> AsyncIterator[Callable[[str], Desk]]:
    async with serve(switches=SWITCHES) as running, open_wire() as wire:

        def opened(name: str) -> Desk:
            dialect: Any = bundled()[name]
            account = dialect.Account(base_url=running.base_url(name), **ACCOUNTS[name])
            return Desk(name, dialect(account), running, wire, "cu_7" if name == "sparklayer" else "7")

        yield opened


@pytest.fixture
def values_of() -> Callable[[str], dict[str, Any]]:
    """A value for every field of a vendor's schema."""
    return VALUES.__getitem__
