"""Nothing is lost, whatever happens: random lives of a source, two targets and a state, against a model in dictionaries.

Everything between the source and the wire is real; the wire leads to accounts that hold what they were told.
"""

import asyncio
import copy
import hashlib
import logging
import selectors
import shutil
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, auto
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pydantic import SecretStr

from sync.errors import Broken, NotSent
from sync.log import Redactor
from sync.model import Customer, Outcome, Reply, Request, Standing
from sync.pipeline.breaker import BreakerPolicy
from sync.pipeline.courier import Courier
from sync.pipeline.feeds import Feed, Target, Way
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.project import Projection
from sync.pipeline.retry import RetryPolicy
from sync.pipeline.rules import compile_rules
from sync.pipeline.run import Means, run
from sync.pipeline.speaker import Speaker
from sync.ports import Page, Source, Store, Watch
from sync.stores.memory import Memory
from sync.stores.sqlite import open_store
from sync.vendors.schema import fields
from sync.vendors.sellercloud import Sellercloud, SellercloudAccount, SellercloudCustomer

Values = Mapping[str, Any]
KEYS = ("1", "2", "3", "4")
TARGETS = ("east", "west")


AGES = 30.0
"""Seconds of real time after which a run that has not ended never will."""


class Fault(Enum):
    """What becomes of one request."""

    NONE = auto()
    REFUSED = auto()
    BUSY = auto()
    NOT_SENT = auto()
    LOST_BEFORE = auto()
    LOST_AFTER = auto()
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()


@dataclass(frozen=True)
class Map:
    """A target's map in words of the model: the vendor's field from the customer's, those that are cleared, and for whom."""

    fields: Mapping[str, str]
    cleared: frozenset[str] = frozenset()
    region: str | None = None

    def table(self) -> dict[str, Any]:
        return {to: {"from": name, "when_null": "clear"} if to in self.cleared else name for to, name in self.fields.items()}

    def takes(self, values: Values) -> bool:
        return self.region in {None, values["region"]}

    def fits(self, values: Values) -> bool:
        return values["id"] is not None and not ("Rating" in self.fields and values["stars"] == "many")

    def expected(self, values: Values) -> dict[str, Any]:
        """What the vendor should hold of this customer."""
        held = {to: values[name] for to, name in self.fields.items() if values[name] is not None}
        return held | {to: "" for to in self.cleared if values[self.fields[to]] is None}


MAPS = (
    Map({"Name": "name", "Email": "email"}),
    Map({"Name": "name", "Email": "email", "Phone1": "phone"}, cleared=frozenset({"Email"})),
    Map({"Phone1": "phone", "BusinessAliases": "tags", "AccountManager1Commission": "share", "Rating": "stars"}),
    Map({"Name": "name", "Phone1": "phone"}, region="AU"),
)
CUSTOMERS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["Ann", "Bea"]),
        "email": st.sampled_from(["a@x.org", "b@x.org", None]),
        "phone": st.sampled_from(["1", "2", None]),
        "tags": st.sampled_from([["x", "y"], ["y", "x"], ["x"], [], None]),
        "share": st.sampled_from([Decimal("1.5"), Decimal("1.50"), Decimal(0), None]),
        "stars": st.sampled_from([0, 3, 0, 3, "many"]),
        "region": st.sampled_from(["AU", "AU", "US"]),
    }
)
IDS = {key: 10 + int(key) for key in KEYS}
NAMES = ("name", "email", "phone")
FAULTS = st.one_of(
    st.lists(st.sampled_from([*Fault, Fault.NONE]), max_size=6),
    st.builds(lambda fault, count: [fault] * count, st.sampled_from(Fault), st.integers(1, 8)),
)
SMALL = st.tuples(st.sampled_from(KEYS), st.sampled_from(NAMES), st.sampled_from(["c@x.org", "9"]))


class Crash(BaseException):
    """The process is gone."""


class Hurry(asyncio.SelectorEventLoop):
    """A loop whose clock leaps over every wait in which nothing happens."""

    def __init__(self) -> None:
        self.leapt = 0.0
        self.began = 0.0
        super().__init__(Leaping(self))

    def time(self) -> float:
        return super().time() + self.leapt

    def run_until_complete(self, future: Any) -> Any:
        self.began = time.monotonic()
        return super().run_until_complete(future)


class Leaping(selectors.SelectSelector):
    """Takes a time-out as read."""

    def __init__(self, loop: Hurry) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(AGES if timeout is None else 0)
        if not found and timeout:
            self._loop.leapt += timeout
        assert time.monotonic() < self._loop.began + AGES, "this does not come to its end"
        return found


def digest_of(values: Values) -> bytes:
    return hashlib.blake2b(repr(values).encode()).digest()


class Table(Source):
    """Customers in a dictionary; `before_fetch` happens once between the look at what changed and the reading of it.

    Beside them there are `keyless` rows.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Values] = {}
        self.seen: dict[str, Values] = {}
        self.fetched: dict[str, Values] = {}
        self.before_fetch: Callable[[], None] = lambda: None
        self.keyless = 0

    async def fields(self) -> Mapping[str, str]:
        return {}

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        del cursor
        self.seen = dict(self.rows)
        digests = [(key, digest_of(values)) for key, values in self.rows.items()]
        yield Page(digests, None, self.keyless)
        self.before_fetch()
        self.before_fetch = lambda: None

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        self.fetched |= {key: self.rows[key] for key in keys if key in self.rows}
        return [Customer(key, self.rows[key], digest_of(self.rows[key])) for key in keys if key in self.rows]

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        yield list(self.rows)

    async def count(self) -> int:
        return len(self.rows)

    async def close(self) -> None:
        pass


class Account:
    """What one vendor holds by id, what it was told by whom and has acknowledged, and what befalls the next requests."""

    def __init__(self, name: str, table: Table) -> None:
        self.map = MAPS[0]
        self.held: dict[int, dict[str, Any]] = {}
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.faults: list[Fault] = []
        self.sent = 0
        self.crash: Callable[[], None] = lambda: None
        self.first_send: Callable[[], None] = lambda: None
        self.dead = False
        self._table = table
        self._under_way: set[int] = set()
        self.vendor = Sellercloud(
            SellercloudAccount(base_url=f"https://{name}.example", username="u", password=SecretStr("secret"))
        )

    async def send(self, request: Request, *, seconds: float, written: Callable[[], None]) -> Reply:
        del seconds
        written()
        if request.method == "POST":
            return _reply(200, b'{"access_token": "token", "expires_in": 3600}')
        id = int(request.url.rsplit("/", 1)[1])
        self.first_send()
        self.first_send = lambda: None
        body = orjson.loads(request.content(reveal=True) or b"")
        customer = self._who(id)
        self._check(customer, body)
        assert id not in self._under_way, "two in flight at once for one customer"
        self._under_way.add(id)
        try:
            for _ in range(3):
                await asyncio.sleep(0)
            return await self._answer(id, customer, body)
        finally:
            self._under_way.discard(id)

    def _who(self, id: int) -> str:
        found = [key for key, values in self._table.fetched.items() if values["id"] == id and self.map.takes(values)]
        assert len(found) == 1, "several customers were sent to one id"
        return found[0]

    def _check(self, customer: str, body: Mapping[str, Any]) -> None:
        """Mapped, as it was when it was last read, and not what the vendor has acknowledged already."""
        expected = self.map.expected(self._table.fetched[customer])
        known = self.acknowledged.get(customer, {})
        assert {name: same(expected.get(name), value) for name, value in body.items()} == dict.fromkeys(body, True)
        assert [name for name, value in body.items() if name in known and same(known[name], value)] == []
        assert body != {}

    async def _answer(self, id: int, customer: str, body: Mapping[str, Any]) -> Reply:
        if self.dead:
            await asyncio.Event().wait()
        self.sent += 1
        fault = self.faults.pop(0) if self.faults else Fault.NONE
        if fault in {Fault.NONE, Fault.LOST_AFTER, Fault.CRASH_AFTER}:
            self.held.setdefault(id, {}).update(body)
        if fault is Fault.NONE:
            self.acknowledged.setdefault(customer, {}).update(body)
        elif fault is not Fault.REFUSED and fault is not Fault.NOT_SENT:
            for name in body:
                self.acknowledged.get(customer, {}).pop(name, None)
        return self._reply(fault)

    def _reply(self, fault: Fault) -> Reply:
        match fault:
            case Fault.REFUSED:
                return _reply(400, b'{"Message": "no"}')
            case Fault.BUSY:
                return _reply(503, b"busy")
            case Fault.NOT_SENT:
                raise NotSent("no connection")
            case Fault.LOST_BEFORE | Fault.LOST_AFTER:
                raise Broken("no answer")
            case Fault.CRASH_BEFORE | Fault.CRASH_AFTER:
                self.crash()
                raise Crash
        return _reply(200, b"")


def _reply(status: int, body: bytes) -> Reply:
    return Reply(status, {}, body, datetime.now(UTC))


def same(expected: object, held: object) -> bool:
    """Whether a value of the model is what the vendor was told in JSON; lists have no order here."""
    if isinstance(expected, list) and isinstance(held, list):
        return sorted(expected) == sorted(held)
    return type(expected) is not bool and expected == held


class Nobody(Watch):
    """Does not look."""

    def noted(self, fact: object) -> None:
        pass

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        pass


class Ground:
    """A place for states; `crashed` is the state as it was at that moment, in another place."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self._count = 0

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._count}.db"

    def open(self) -> Store:
        return Memory() if self._kind == "memory" else open_store(self._path, exclusive=True)

    def crashed(self, store: Store) -> Callable[[], Store]:
        if isinstance(store, Memory):
            kept = copy.deepcopy(store)
            return lambda: kept
        with closing(sqlite3.connect(self._path)) as living:
            self._count += 1
            with closing(sqlite3.connect(self._path)) as dead:
                living.backup(dead)
        return self.open

    def close(self) -> None:
        shutil.rmtree(self._folder)


class Life(RuleBasedStateMachine):
    """What can happen."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.loop = Hurry()
        self.ground = Ground(kind)
        self.store = self.ground.open()
        self.table = Table()
        self.accounts = {name: Account(name, self.table) for name in TARGETS}
        self.configured: tuple[str, ...] = TARGETS
        self.before: dict[str, Values | None] = {}
        self.reborn: Callable[[], Store] | None = None

    def teardown(self) -> None:
        try:
            if self.table.rows:
                self.in_the_end_everybody_is_in_step_or_listed()
        finally:
            self.loop.run_until_complete(self.store.close())
            self.loop.close()
            self.ground.close()

    # ---- what happens

    @initialize(rows=st.fixed_dictionaries(dict.fromkeys(KEYS[:3], CUSTOMERS)))
    def a_source_has_customers(self, rows: Mapping[str, Values]) -> None:
        for key, values in rows.items():
            self.put(key, {**values, "id": IDS[key]})

    @rule(key=st.sampled_from(KEYS), values=CUSTOMERS)
    def a_customer_changes(self, key: str, values: Values) -> None:
        self.put(key, {**values, "id": self.table.rows.get(key, {"id": IDS[key]})["id"]})

    @rule(change=SMALL)
    def a_field_changes(self, change: tuple[str, str, str]) -> None:
        key, name, value = change
        if key in self.table.rows:
            self.put(key, {**self.table.rows[key], name: value})

    @rule(key=st.sampled_from(KEYS), id=st.sampled_from([*IDS.values(), 15, None]))
    def an_id_changes(self, key: str, id: int | None) -> None:
        if key in self.table.rows:
            self.put(key, {**self.table.rows[key], "id": id})

    @rule(change=SMALL, east=FAULTS, west=FAULTS)
    def a_change_goes_wrong_and_is_taken_back(self, change: tuple[str, str, str], east: list[Fault], west: list[Fault]) -> None:
        self.run()
        self.a_field_changes(change)
        self.a_run_goes_wrong(east, west, [])
        self.a_customer_goes_back_to_what_it_was(change[0])
        self.run()

    @rule(key=st.sampled_from(KEYS))
    def a_customer_goes_back_to_what_it_was(self, key: str) -> None:
        self.put(key, self.before.get(key))

    @rule(one=st.sampled_from(KEYS), other=st.sampled_from(KEYS), east=FAULTS, west=FAULTS)
    def two_customers_swap_their_ids_and_back(self, one: str, other: str, east: list[Fault], west: list[Fault]) -> None:
        self.run()
        self.swap(one, other)
        self.a_run_goes_wrong(east, west, [])
        self.swap(one, other)
        self.run()

    @rule(one=st.sampled_from(KEYS), other=st.sampled_from(KEYS))
    def swap(self, one: str, other: str) -> None:
        if one in self.table.rows and other in self.table.rows:
            first, second = self.table.rows[one], self.table.rows[other]
            self.put(one, {**first, "id": second["id"]})
            self.put(other, {**second, "id": first["id"]})

    @rule(key=st.sampled_from(KEYS))
    def a_customer_is_deleted(self, key: str) -> None:
        self.put(key, None)

    @rule(name=st.sampled_from(TARGETS), chosen=st.sampled_from(MAPS))
    def a_map_changes(self, name: str, chosen: Map) -> None:
        self.accounts[name].map = chosen

    @rule(keys=st.lists(st.sampled_from(KEYS), max_size=2))
    def somebody_says_retry(self, keys: list[str]) -> None:
        self.loop.run_until_complete(self.store.retry([], keys))

    @rule(east=FAULTS, west=FAULTS, meanwhile=st.lists(SMALL, max_size=2))
    def a_run_goes_wrong(self, east: list[Fault], west: list[Fault], meanwhile: list[tuple[str, str, str]]) -> None:
        def change_meanwhile() -> None:
            for change in meanwhile:
                self.a_field_changes(change)

        self.accounts["east"].faults, self.accounts["west"].faults = list(east), list(west)
        self.accounts["east"].first_send = change_meanwhile
        self.run()
        for account in self.accounts.values():
            account.faults, account.first_send = [], lambda: None

    @rule()
    def a_run_goes_well(self) -> None:
        self.run()

    @rule()
    def in_the_end_everybody_is_in_step_or_listed(self) -> None:
        self.run()
        assert self.run() == 0, "the same input twice sent something the second time"
        self.loop.run_until_complete(self.store.retry())
        self.run()
        rejected = self.listed(Outcome.REJECTED)
        for name, account in self.accounts.items():
            for key, values in self.table.rows.items():
                if account.map.takes(values) and (name, key) not in rejected:
                    assert self.in_step(account, values)
                if account.map.takes(values) and account.map.fits(values) and self.alone(account, values):
                    assert (name, key) not in rejected, "rejected without a reason"
        assert self.listed(*set(Outcome) - {Outcome.REJECTED}) == set()

    # ---- how

    def put(self, key: str, values: Values | None) -> None:
        self.before[key] = self.table.rows.get(key)
        if values is None:
            self.table.rows.pop(key, None)
        else:
            self.table.rows[key] = values

    def run(self) -> int:
        """One pass; how many updates were sent. After a crash a new process finds the state as it was left."""
        before = sum(account.sent for account in self.accounts.values())
        for account in self.accounts.values():
            account.crash = self.crashed
        with suppress(Crash):
            self.loop.run_until_complete(self.pass_once())
        if self.reborn:
            self.loop.run_until_complete(self.store.close())
            self.store, self.reborn = self.reborn(), None
            self.loop.run_until_complete(self.store.recover())
            for account in self.accounts.values():
                account.dead = False
                account.acknowledged.clear()
        self.nobody_is_dropped_in_silence()
        return sum(account.sent for account in self.accounts.values()) - before

    def crashed(self) -> None:
        if self.reborn is None:
            self.reborn = self.ground.crashed(self.store)
        for account in self.accounts.values():
            account.dead = True

    async def pass_once(self) -> None:
        self.table.fetched = {}
        targets, ways = [], {}
        for name in self.configured:
            account = self.accounts[name]
            targets.append(target(name, account))
            policy = LanePolicy(concurrency=3, retry=RetryPolicy(attempts=2, backoff=0.0), breaker=BreakerPolicy(failures=10**9))
            lane = Lane(name, policy, Standing(), asyncio.Event())
            ways[name] = Way(lane, Courier(account.vendor, Speaker(account.vendor, lane, account, Redactor())).carry)
            for key, known in account.acknowledged.items():
                if not self.stays(account, key):
                    known.clear()
        feed = Feed("crm", self.table, tuple(targets), tuple(targets))
        try:
            await run([feed], Means(ways, self.store, Nobody()))
        except BaseExceptionGroup as group:
            crashes, others = group.split(Crash)
            if others:
                raise others from None
            assert crashes
            raise Crash from None

    def stays(self, account: Account, key: str) -> bool:
        """Whether the target goes on with what it knows of a customer: still its own, and at the same id."""
        now, then = self.table.rows.get(key), self.table.seen.get(key)
        return now is not None and then is not None and now["id"] == then["id"] and account.map.takes(now)

    def in_step(self, account: Account, values: Values) -> bool:
        held = account.held.get(values["id"], {})
        return all(name in held and same(value, held[name]) for name, value in account.map.expected(values).items())

    def alone(self, account: Account, values: Values) -> bool:
        others = [row for row in self.table.rows.values() if row["id"] == values["id"] and account.map.takes(row)]
        return len(others) == 1

    def listed(self, *outcomes: Outcome) -> set[tuple[str, str]]:
        failures = self.loop.run_until_complete(self.store.failures())
        return {(failure.target, failure.customer) for failure in failures if failure.outcome in outcomes}

    def nobody_is_dropped_in_silence(self) -> None:
        listed = self.listed(*Outcome)
        for name, account in ((name, self.accounts[name]) for name in self.configured):
            waiting = {row.customer for row in self.loop.run_until_complete(self.store.pending(name, "", 99))}
            for key, values in self.table.seen.items():
                if self.table.rows.get(key) != values or not account.map.takes(values):
                    continue
                assert key in waiting or (name, key) in listed or self.in_step(account, values), f"{name} lost {key}"


def target(name: str, account: Account) -> Target:
    about = fields(SellercloudCustomer)
    rules, mistakes = compile_rules(account.map.table(), about, {})
    assert mistakes == []
    where = {"region": (account.map.region,)} if account.map.region else None
    projection = Projection(rules, SellercloudCustomer, about, "id", account.vendor.identify, str, where=where)
    return Target(name, "crm", name, account.vendor, projection, repr(account.map))


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def live(kind: str, examples: int, steps: int) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Life(kind), settings=chosen)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_whatever_happens_every_target_is_in_step_in_the_end_or_says_who_is_not(kind: str) -> None:
    live(kind, 200 if kind == "memory" else 80, 20)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_whatever_happens_for_a_long_time_every_target_is_in_step_in_the_end(kind: str) -> None:
    live(kind, 200 if kind == "memory" else 60, 50)


# ---- lives that random ones meet too seldom

ANN = {
    "id": 11,
    "name": "Ann",
    "email": "a@x.org",
    "phone": "1",
    "tags": ["x"],
    "share": Decimal("1.5"),
    "stars": 3,
    "region": "AU",
}


@pytest.fixture(params=["memory", "sqlite"])
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    """One customer, in step with both targets."""
    made = Life(request.param)
    try:
        made.put("1", ANN)
        made.run()
        yield made
    finally:
        made.table.rows.clear()
        made.teardown()


def east_and_west(life: Life, key: str = "1") -> tuple[bool, bool]:
    """Who is in step with one customer."""
    return life.in_step(life.accounts["east"], life.table.rows[key]), life.in_step(life.accounts["west"], life.table.rows[key])


def test_two_that_swap_their_ids_and_back_are_in_step_although_one_was_refused_meanwhile(life: Life) -> None:
    life.put("2", {**ANN, "id": 12, "name": "Bea"})
    life.run()
    life.swap("1", "2")
    life.accounts["east"].faults = [Fault.NONE, Fault.REFUSED]
    life.run()
    life.swap("1", "2")
    life.run()
    assert (east_and_west(life, "1"), east_and_west(life, "2")) == ((True, True), (True, True))


def test_what_is_sent_b_with_the_reply_lost_is_sent_a_again(life: Life) -> None:
    life.put("1", {**ANN, "name": "Bea"})
    life.accounts["east"].faults = [Fault.LOST_AFTER, Fault.LOST_AFTER]
    life.run()
    assert life.accounts["east"].held[11]["Name"] == "Bea"
    life.put("1", ANN)
    life.run()
    assert life.accounts["east"].held[11]["Name"] == "Ann"


def test_what_is_sent_b_before_a_crash_is_sent_a_again(life: Life) -> None:
    life.put("1", {**ANN, "name": "Bea"})
    life.accounts["east"].faults = [Fault.CRASH_AFTER]
    life.run()
    assert life.accounts["east"].held[11]["Name"] == "Bea"
    life.put("1", ANN)
    life.run()
    assert life.accounts["east"].held[11]["Name"] == "Ann"


def test_a_field_that_was_out_of_the_map_for_a_while_is_not_sent_again_as_it_was(life: Life) -> None:
    for chosen in (MAPS[2], MAPS[0]):
        life.accounts["east"].map = chosen
        sent = life.run()
    assert (sent, east_and_west(life)) == (0, (True, True))


def test_rows_without_a_key_do_not_keep_the_others_from_being_sent(life: Life) -> None:
    life.table.keyless = 1
    life.put("1", {**ANN, "name": "Bea"})
    life.run()
    assert east_and_west(life) == (True, True)


def test_a_customer_that_changes_between_the_look_and_the_reading_and_then_goes_back_is_sent(life: Life) -> None:
    life.put("1", {**ANN, "name": "Bea"})
    life.table.before_fetch = lambda: life.put("1", {**ANN, "name": "Cem"})
    life.run()
    life.put("1", {**ANN, "name": "Bea"})
    life.run()
    assert east_and_west(life) == (True, True)


def test_a_target_that_was_taken_out_for_a_while_is_told_what_it_has_missed(life: Life) -> None:
    life.configured = ("east",)
    life.put("1", {**ANN, "name": "Bea"})
    life.run()
    life.configured = TARGETS
    life.run()
    assert east_and_west(life) == (True, True)


class Stumbling(Memory):
    """A process that ends where a customer that is gone should be forgotten."""

    async def forget(self, source: str, customers: Sequence[str]) -> None:
        del source, customers
        raise Crash


@pytest.mark.parametrize("life", ["memory"], indirect=True)
def test_a_customer_that_comes_back_after_a_crash_amid_its_leaving_is_sent(life: Life) -> None:
    life.store = Stumbling()
    life.configured = ("east",)
    life.accounts["east"].acknowledged.clear()
    life.run()
    life.put("1", None)
    life.accounts["east"].map = MAPS[1]
    life.run()
    life.store.__class__ = Memory
    life.put("1", ANN)
    life.run()
    assert life.in_step(life.accounts["east"], ANN)
