"""A service whose engine stands still, with a state of its own, for whoever knocks at its door."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from sync.app import Base, Unwatched, make_feeds, open_board, open_ways, state_path
from sync.app.frontdesk import access, make_desk
from sync.errors import FieldError
from sync.log import Redactor
from sync.model import Change, Filing, Outcome, Request, Settlement
from sync.pipeline.speaker import Sender
from sync.ports import Store
from sync.service.access.door import Door
from sync.service.dashboard.desk import House
from sync.service.engine import Engine, Setup
from sync.service.metrics import Metrics
from sync.service.recent import Recent
from sync.service.scheduler import Schedule
from sync.service.service import Service
from sync.service.supervisor import Supervisor
from sync.service.web import build
from sync.settings import address, load
from sync.stores.file import keep_key, secret_key
from sync.stores.lists import open_lists
from sync.stores.sqlite import open_store

NASTY = "<script>alert(1)</script>"
FORMULA = "=cmd()"
PASSWORD = "pass-of-the-customer"
RUN = "2026-11-22T10-00-00Z-abcdef"
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
PLACE = "https://tt.example/api"


class Unplugged(Sender):
    """Nothing may go out."""

    async def send(self, request: Request, *, seconds: float, written: Any) -> Any:
        raise AssertionError(f"{request.method} {request.url} was sent ({seconds}, {written})")


@dataclass
class Visit:
    """A browser at the door of a service."""

    client: TestClient[Any, Any]
    house: House
    store: Store

    async def page(self, path: str, **how: Any) -> str:
        """What a person sees."""
        async with self.client.get(path, headers={"Accept": "text/html"}, **how) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.text()

    async def token(self, path: str = "/plan") -> str:
        """What a form of a page carries."""
        text = await self.page(path)
        return text.partition('name="csrf" value="')[2].partition('"')[0]

    async def post(self, path: str, **form: Any) -> int:
        """Sends a form as the page would; the status, without following."""
        data = {"csrf": await self.token()} | form
        async with self.client.post(path, data=data, allow_redirects=False) as answer:
            return answer.status


def write(folder: Path, service: str) -> Path:
    """A configuration of two targets, and its source with three customers."""
    with closing(sqlite3.connect(folder / "crm.sqlite")) as database:
        database.execute("CREATE TABLE customers (Id INTEGER PRIMARY KEY, Name TEXT, Email TEXT, Pass TEXT)")
        rows = [(1, NASTY, "ann@example.org", PASSWORD), (2, FORMULA, "bea@example.org", PASSWORD), (3, "Cid", "", PASSWORD)]
        database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", rows)
        database.commit()
    config = folder / "config"
    (config / "targets").mkdir(parents=True)
    (config / "sync.toml").write_text(f"""
[state]
url = "sqlite:///{folder}/state.db"
[service]
{service}
[sources.crm]
kind = "sql"
url = "sqlite:///{folder}/crm.sqlite"
table = "customers"
key = "Id"
[accounts.east]
vendor = "sellercloud"
base_url = "{PLACE}"
username = "u"
password = "secret-of-the-account"
rate = "3/s"
quota = "10800/h"
[accounts.west]
vendor = "webcommander"
base_url = "https://shop.example/api/v4"
username = "u"
password = "secret-of-the-account"
client_id = "c"
client_secret = "secret-of-the-account"
redirect_uri = "https://shop.example/"
""")
    head = 'source = "crm"\nid = "Id"\nevery = "5m"\n'
    (config / "targets/east.toml").write_text(f'{head}account = "east"\n[fields]\nName = "Name"\nEmail = "Email"\n')
    west = 'account = "west"\n[fields.customer]\nfirst_name = "Name"\npassword = "Pass"\n'
    (config / "targets/west.toml").write_text(head + west)
    return config


def ended(customer: str, version: int, outcome: Outcome, *changes: Change, errors: tuple[FieldError, ...] = ()) -> Settlement:
    """How one update ended."""
    request = Request("PUT", f"{PLACE}/Customers/{customer}", {change.field: change.after for change in changes})
    done = outcome is Outcome.DELIVERED
    taken = {change.field: change.after for change in changes} if done else None
    reason = "" if done else "; ".join(error.message for error in errors) or "no reason"
    sent = (request,) if changes else ()
    return Settlement(
        customer, customer, version, outcome, reason, errors, taken, changes=changes, requests=sent, parked=not done
    )


async def remember(store: Store) -> None:
    """A run that told one customer, and one who was rejected."""
    await store.enrol("east", "crm", "map")
    await store.file(Filing("crm", [(key, b"digest") for key in ("1", "2")], ["east"]))
    waiting = {one.customer: one.version for one in await store.pending("east", "", 10)}
    told = ended("1", waiting["1"], Outcome.DELIVERED, Change("Name", "Ann", NASTY, ("Name",)), Change("Email", None, FORMULA))
    wrong = ended("2", waiting["2"], Outcome.REJECTED, errors=(FieldError("Email", f"is {NASTY}"),))
    await store.settle("east", PLACE, [told, wrong], run=RUN)
    report = {"targets": {"east": {"delivered": 1, "rejected": 1}}, "gates": {}, "troubles": []}
    await store.log_run(RUN, AT, AT, report)


async def crowd(store: Store, customers: Sequence[str], outcome: Outcome = Outcome.REJECTED) -> None:
    """Many who are out of step with one target."""
    await store.file(Filing("crm", [(key, b"another") for key in customers], ["east"]))
    waiting = {one.customer: one.version for one in await store.pending("east", "", len(customers) + 10)}
    await store.settle("east", PLACE, [ended(key, waiting[key], outcome) for key in customers], run=RUN)


@asynccontextmanager
async def visited(folder: Path, service: str = "", listen: str = "127.0.0.1:0") -> AsyncIterator[Visit]:
    """The service as it is configured, at an address of this machine."""
    async with AsyncExitStack() as stack:
        settings, redactor, shut = load(write(folder, service)), Redactor(), asyncio.Event()
        store = open_store(state_path(settings), exclusive=True)
        stack.push_async_callback(store.close)
        key = secret_key(state_path(settings))
        keep_key(state_path(settings), key)
        board = open_board(settings, redactor, stack)
        feeds = make_feeds(board, tuple(settings.targets), key, stack)
        recent, supervisor = Recent(Unwatched()), Supervisor(asyncio.Event())
        ways = await open_ways(board, Base(store, Unplugged(), redactor, recent), shut)
        made = Service(store, supervisor, Metrics(), recent)
        house = House(made, open_lists(state_path(settings)), Door(access(settings, address(listen)), key))
        stack.push_async_callback(house.lists.close)
        schedules = {name: Schedule(every=target.table.every) for name, target in settings.targets.items()}
        made.engine = Engine(
            Setup(feeds, {feed.name: nothing for feed in feeds}, ways, schedules, shut), store, recent, supervisor, {}
        )
        house.desk = make_desk(settings, feeds, store)
        client = await stack.enter_async_context(TestClient(TestServer(build(house))))
        yield Visit(client, house, store)


async def nothing() -> None:
    """Looks at nothing."""
