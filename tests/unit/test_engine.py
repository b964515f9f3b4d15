"""The service's engine, with a source in a dictionary, vendors that answer as they are told, and an hour that takes no time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from sync.errors import ConfigError, Mistake, NotSent, SourceError
from sync.facts import Fact, StationPassed, UpdateSettled
from sync.log import Redactor
from sync.model import Customer, Outcome, Reply, Request, Standing, Timing
from sync.pipeline.courier import Courier
from sync.pipeline.feeds import Feed, Target, Way
from sync.pipeline.gates import GatePolicy, Limit
from sync.pipeline.gone import NOT_SHOWN, GonePolicy
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.project import Projection
from sync.pipeline.retry import RetryPolicy
from sync.pipeline.rules import compile_rules
from sync.pipeline.speaker import Speaker
from sync.ports import Page, Source, Store, Watch
from sync.service.engine import Engine, Setup
from sync.service.reader import LONGEST_WAIT
from sync.service.scheduler import Schedule
from sync.service.supervisor import Supervisor
from sync.stores.memory import Memory
from sync.vendors.schema import fields
from sync.vendors.sellercloud import Sellercloud, SellercloudAccount, SellercloudCustomer
from tests.conftest import VirtualTime

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
POLICY = LanePolicy(concurrency=2, retry=RetryPolicy(attempts=2, backoff=0.1))


class Table(Source):
    """Customers by key; it can be broken, and counts how often it was looked through. `then` is done once it was counted.

    So many `unfiled` rows are counted, although a look does not show them; while it does not answer, whoever looks waits.
    """

    def __init__(self) -> None:
        self.rows = {"1": "Ann", "2": "Bea"}
        self.looks = 0
        self.broken = False
        self.unfiled = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.then: Callable[[], object] = lambda: None

    async def fields(self) -> Mapping[str, str]:
        return {}

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        del cursor
        self.looks += 1
        await self.answers.wait()
        if self.broken:
            raise SourceError("sources.crm: gone")
        yield Page([(key, name.encode()) for key, name in self.rows.items()])

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        rows = [(key, self.rows[key]) for key in keys if key in self.rows]
        return [Customer(key, {"id": int(key), "name": name}, name.encode()) for key, name in rows]

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        yield list(self.rows)

    async def count(self) -> int:
        rows = len(self.rows) + self.unfiled
        self.then()
        self.then = lambda: None
        return rows

    async def close(self) -> None:
        pass


class Calling(Table):
    """It says when it has changed; the first time, the connection breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.called = asyncio.Event()
        self.listens = 0
        self.woken = self._calls

    async def _calls(self) -> AsyncIterator[None]:
        self.listens += 1
        if self.listens == 1:
            raise SourceError("sources.crm: the connection broke")
        while True:
            await self.called.wait()
            self.called.clear()
            yield


class Vendor:
    """One account at a vendor: what it holds, who signs in, and how it answers."""

    def __init__(self) -> None:
        self.held: dict[int, str] = {}
        self.updates: list[str] = []
        self.sign_ins = 0
        self.most_at_once = 0
        self.well = asyncio.Event()
        self.well.set()
        self.status = 200
        self.headers: dict[str, str] = {}
        self.sign_in_status = 200
        self.away = False
        self._under_way: dict[int, int] = {}

    async def send(self, request: Request, *, seconds: float, written: Callable[[], None]) -> Reply:
        del seconds
        if self.away:
            raise NotSent("no connection")
        written()
        if request.method == "POST":
            self.sign_ins += 1
            return reply(self.sign_in_status, b'{"access_token": "token", "expires_in": 360000}')
        id = int(request.url.rsplit("/", 1)[1])
        self._under_way[id] = self._under_way.get(id, 0) + 1
        self.most_at_once = max(self.most_at_once, self._under_way[id])
        await self.well.wait()
        self._under_way[id] -= 1
        name = orjson.loads(request.content(reveal=True) or b"")["Name"]
        self.updates.append(name)
        if self.status == 200:
            self.held[id] = name
        return reply(self.status, b'{"Message": "no"}', self.headers)


def reply(status: int, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> Reply:
    return Reply(status, headers, body, datetime.now(UTC))


class Facts(Watch):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Fact] = []

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        pass

    def noted(self, fact: Fact) -> None:
        self.told.append(fact)

    def runs(self, target: str) -> int:
        return sum(isinstance(fact, StationPassed) and (fact.station, fact.name) == ("plan", target) for fact in self.told)

    def settled(self, target: str) -> int:
        return sum(isinstance(fact, UpdateSettled) and fact.target == target for fact in self.told)


@dataclass
class Firm:
    """Two targets, each with an account of its own, and what they are fed from."""

    crm: Table
    erp: Table
    east: Vendor
    west: Vendor
    store: Store
    watch: Facts
    engine: Engine
    supervisor: Supervisor
    closing: asyncio.Event


def target(name: str, source: str) -> Target:
    vendor = Sellercloud(SellercloudAccount(base_url=f"https://{name}.example", username="u", password=SecretStr("secret")))
    about = fields(SellercloudCustomer)
    rules, _ = compile_rules({"Name": "name"}, about, {})
    return Target(name, source, name, vendor, Projection(rules, SellercloudCustomer, about, "id", vendor.identify, str), "map")


async def fine() -> None:
    pass


def firm(
    *,
    every: timedelta = MINUTE,
    east: timedelta | None = None,
    apart: bool = False,
    timings: Mapping[str, Timing] | None = None,
    calling: bool = False,
    gone: GonePolicy | None = None,
    gates: GatePolicy | None = None,
) -> Firm:
    """`east` has a rhythm, gates and a view of who is `gone` of its own if told so, and its own source where they are `apart`."""
    crm, erp, store, watch, closing = Calling() if calling else Table(), Table(), Memory(), Facts(), asyncio.Event()
    supervisor, vendors = Supervisor(asyncio.Event()), {"east": Vendor(), "west": Vendor()}
    targets = {"east": target("east", "erp" if apart else "crm"), "west": target("west", "crm")}
    targets["east"] = replace(targets["east"], gone=gone or GonePolicy(), gates=gates or GatePolicy())
    ways = {name: way(targets[name], vendor, closing) for name, vendor in vendors.items()}
    mine = {name: tuple(one for one in targets.values() if one.source == name) for name in ("crm", "erp")}
    feeds = [Feed(name, table, mine[name], mine[name]) for name, table in (("crm", crm), ("erp", erp)) if mine[name]]
    schedules = {"east": Schedule(every=east or every), "west": Schedule(every=every)}
    setup = Setup(feeds, {feed.name: fine for feed in feeds}, ways, schedules, closing)
    engine = Engine(setup, store, watch, supervisor, timings or {})
    return Firm(crm, erp, vendors["east"], vendors["west"], store, watch, engine, supervisor, closing)


def way(of: Target, vendor: Vendor, closing: asyncio.Event) -> Way:
    lane = Lane(of.account, POLICY, Standing(), closing)
    return Way(lane, Courier(of.vendor, Speaker(of.vendor, lane, vendor, Redactor())).carry)


def live(virtual: VirtualTime, story: Callable[[Firm], Coroutine[Any, Any, None]], **how: Any) -> None:
    """Tells a story while the engine runs, and ends it."""

    async def told() -> None:
        made = firm(**how)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(made.engine.run())
            try:
                await story(made)
            finally:
                made.closing.set()
                made.east.well.set()
                made.west.well.set()
            await running
        assert made.supervisor.dead is None

    virtual.run(told())


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


# ---- by schedule


def test_one_look_at_the_source_serves_every_target_that_is_due(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10)
        assert (firm.crm.looks, firm.east.held, firm.west.held) == (1, {1: "Ann", 2: "Bea"}, {1: "Ann", 2: "Bea"})
        await asyncio.sleep(60)
        assert (firm.crm.looks, firm.east.updates) == (2, ["Ann", "Bea"])

    live(virtual, story)


def test_a_change_arrives_at_all_targets_by_itself(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10)
        firm.crm.rows["1"] = "Anna"
        await asyncio.sleep(60)
        assert (firm.east.held[1], firm.west.held[1]) == ("Anna", "Anna")

    live(virtual, story)


def test_a_target_of_another_rhythm_gets_what_was_found_meanwhile_when_it_is_due(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10)
        firm.crm.rows["1"] = "Anna"
        await asyncio.sleep(600)
        assert (firm.east.held[1], firm.west.held[1]) == ("Ann", "Anna")
        await asyncio.sleep(3600)
        assert firm.east.held[1] == "Anna"

    live(virtual, story, east=HOUR)


def test_a_slow_vendor_delays_no_other_and_its_missed_runs_are_made_up_for_once(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        firm.east.well.clear()
        await asyncio.sleep(10)
        firm.crm.rows["1"] = "Anna"
        await asyncio.sleep(1185)
        assert (firm.west.held[1], firm.watch.runs("west"), firm.watch.runs("east")) == ("Anna", 20, 1)
        firm.east.well.set()
        await asyncio.sleep(10)
        assert (firm.east.held[1], firm.east.most_at_once) == ("Anna", 1)
        assert firm.watch.runs("east") == 2

    live(virtual, story)


def test_runs_that_were_missed_while_nothing_ran_are_run_once(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(30)
        assert (firm.crm.looks, firm.watch.runs("east")) == (1, 1)

    live(virtual, story, timings={name: Timing(datetime(2020, 1, 1, tzinfo=UTC)) for name in ("east", "west")})


def test_a_process_that_comes_back_goes_on_in_its_rhythm(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(20)
        assert firm.crm.looks == 0
        await asyncio.sleep(20)
        assert firm.crm.looks == 1

    live(virtual, story, timings={name: Timing(now() - timedelta(seconds=30)) for name in ("east", "west")})


@pytest.mark.parametrize("away", [timedelta(days=3), timedelta(days=-1), timedelta(hours=-1)], ids=str)
def test_a_clock_that_jumps_costs_nobody_more_than_a_run_and_makes_none_too_many(virtual: VirtualTime, away: timedelta) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(90)
        assert firm.watch.runs("east") == 2
        virtual.clock.jump(away)  # a machine that has slept, or whose clock was wrong
        firm.crm.rows["1"] = "Anna"
        await asyncio.sleep(60 + LONGEST_WAIT + 5)
        assert (firm.east.held[1], firm.west.held[1]) == ("Anna", "Anna")
        assert (firm.engine.troubles(), firm.watch.runs("east")) == ([], firm.watch.runs("west"))
        await asyncio.sleep(10 * 60)
        assert firm.watch.runs("east") in {13, 14}

    live(virtual, story)


def test_who_was_put_off_before_the_clock_was_set_back_is_taken_up_all_the_same(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        firm.east.away = True
        await asyncio.sleep(20)
        virtual.clock.jump(timedelta(days=-1))
        firm.east.away = False
        await asyncio.sleep(2 * 60)
        assert firm.east.held == {1: "Ann", 2: "Bea"}

    live(virtual, story, every=HOUR)


def test_a_source_that_failed_before_the_clock_was_set_back_is_read_all_the_same(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        firm.crm.broken = True
        await asyncio.sleep(20)
        virtual.clock.jump(timedelta(days=-1))
        firm.crm.broken = False
        await asyncio.sleep(2 * 60)
        assert firm.east.held == {1: "Ann", 2: "Bea"}

    live(virtual, story)


# ---- between the schedules


def test_a_source_that_says_that_it_has_changed_is_not_left_waiting(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        assert isinstance(firm.crm, Calling)
        await asyncio.sleep(60)
        firm.crm.rows["1"] = "Anna"
        firm.crm.called.set()
        await asyncio.sleep(1)
        assert (firm.east.held[1], firm.west.held[1], firm.crm.listens) == ("Anna", "Anna", 2)
        await firm.engine.pause("east")
        firm.crm.rows["1"] = "Anne"
        firm.crm.called.set()
        await asyncio.sleep(1)
        assert (firm.east.held[1], firm.west.held[1]) == ("Anna", "Anne")

    live(virtual, story, every=HOUR, calling=True)


def test_a_vendor_that_is_well_again_is_caught_up_with_between_the_schedules(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        firm.east.away = True
        await asyncio.sleep(20)
        assert (firm.east.held, len(firm.west.held)) == ({}, 2)
        firm.east.away = False
        await asyncio.sleep(30)
        assert (firm.east.held, firm.crm.looks) == ({1: "Ann", 2: "Bea"}, 1)

    live(virtual, story, every=HOUR)


def test_whoever_another_process_asks_for_is_tried_between_the_schedules(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        firm.east.status = 400
        await asyncio.sleep(60)
        assert len(firm.east.updates) == 2
        firm.east.status = 200
        await firm.store.retry(["east"])
        await asyncio.sleep(10)
        assert (firm.east.held, firm.crm.looks) == ({1: "Ann", 2: "Bea"}, 1)

    live(virtual, story, every=HOUR)


def test_refused_credentials_are_not_tried_at_every_run(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        firm.east.sign_in_status = 401
        await asyncio.sleep(4 * 60)
        assert firm.east.sign_ins == 1
        firm.east.sign_in_status = 200
        await asyncio.sleep(2 * 60)
        assert firm.east.held == {1: "Ann", 2: "Bea"}

    live(virtual, story, every=timedelta(seconds=10))


def test_refused_credentials_are_tried_at_once_when_somebody_asks_for_a_run(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        firm.east.sign_in_status = 401
        await asyncio.sleep(60)
        firm.east.sign_in_status = 200
        firm.engine.run_now("east")
        await asyncio.sleep(1)
        assert firm.east.held == {1: "Ann", 2: "Bea"}

    live(virtual, story)


# ---- sources


def test_a_source_that_cannot_be_read_harms_no_other_and_is_tried_again_soon(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        firm.erp.broken = True
        await asyncio.sleep(3)
        assert (firm.east.held, len(firm.west.held)) == ({}, 2)
        firm.erp.broken = False
        await asyncio.sleep(10)
        assert firm.east.held == {1: "Ann", 2: "Bea"}

    live(virtual, story, every=HOUR, apart=True)


def test_a_source_that_lacks_what_the_config_names_is_not_read(virtual: VirtualTime) -> None:
    async def lacking() -> None:
        raise ConfigError([Mistake("targets/east.toml", "fields.Name", "source crm has no field name")])

    async def told() -> None:
        made = firm()
        for line in made.engine.lines.values():
            line.check = lacking
        async with asyncio.TaskGroup() as group:
            group.create_task(made.engine.run())
            await asyncio.sleep(60)
            made.closing.set()
        assert (made.crm.looks, made.east.held) == (0, {})

    virtual.run(told())


# ---- what may be asked of it


def test_a_paused_target_is_left_out_until_it_is_resumed_and_then_runs_once(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10)
        await firm.engine.pause("east")
        firm.crm.rows["1"] = "Anna"
        await asyncio.sleep(600)
        assert (firm.east.held[1], firm.west.held[1]) == ("Ann", "Anna")
        assert (await firm.store.timings())["east"].paused is not None
        await firm.engine.resume("east")
        await asyncio.sleep(5)
        assert (firm.east.held[1], firm.watch.runs("east")) == ("Anna", 2)
        assert (await firm.store.timings())["east"].paused is None

    live(virtual, story)


def test_a_pause_outlives_the_process(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(600)
        assert (firm.east.held, len(firm.west.held)) == ({}, 2)

    live(virtual, story, timings={"east": Timing(paused=datetime(2026, 1, 1, tzinfo=UTC))})


def test_run_now_does_not_wait_for_the_schedule(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10)
        firm.crm.rows["1"] = "Anna"
        firm.engine.run_now("east")
        await asyncio.sleep(1)
        assert (firm.east.held[1], firm.west.held[1]) == ("Anna", "Ann")

    live(virtual, story, every=HOUR)


def test_a_source_that_says_it_has_changed_is_looked_at_once_for_all_that_are_not_paused(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10)
        await firm.engine.pause("west")
        firm.crm.rows["1"] = "Anna"
        firm.engine.source_changed("crm")
        await asyncio.sleep(1)
        assert (firm.east.held[1], firm.west.held[1], firm.crm.looks) == ("Anna", "Ann", 2)

    live(virtual, story, every=HOUR)


def test_closing_settles_what_is_in_flight_and_sends_nothing_more(virtual: VirtualTime) -> None:
    async def told() -> None:
        made = firm()
        made.crm.rows = {str(number): "Ann" for number in range(1, 50)}
        made.east.well.clear()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(made.engine.run())
            await asyncio.sleep(5)
            made.closing.set()
            await asyncio.sleep(1)
            assert not running.done()
            made.east.well.set()
        assert len(made.east.updates) == POLICY.concurrency
        assert len(await made.store.pending("east", "", 99)) == 49 - POLICY.concurrency
        assert made.supervisor.dead is None

    virtual.run(told())


def test_what_a_stop_breaks_off_at_the_source_is_no_failure(virtual: VirtualTime) -> None:
    async def told() -> None:
        made = firm()

        async def broken_off() -> None:
            made.closing.set()
            raise SourceError("sources.crm: stopped before it was read to its end")

        for line in made.engine.lines.values():
            line.check = broken_off
        with capture_logs() as said:
            await made.engine.run()
        assert (said, await made.store.runs(9)) == ([], [])

    virtual.run(told())


def test_a_run_that_found_nothing_to_do_leaves_nothing_behind(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(595)
        assert (firm.crm.looks, len(await firm.store.runs(99))) == (10, 1)

    live(virtual, story)


# ---- who is held


NOBODY = GatePolicy(max_updates=Limit("0", 0))


def test_whoever_is_held_is_planned_and_told_once_until_somebody_changes(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        with capture_logs() as said:
            await asyncio.sleep(30 * 60)
            assert (firm.watch.runs("east"), firm.watch.settled("east"), len(await firm.store.runs(99))) == (1, 2, 1)
            assert [line["gates"] for line in said if line["event"] == "gates.tripped"] == [["max_updates"]]
        assert [failure.outcome for failure in await firm.store.failures(["east"])] == [Outcome.HELD] * 2
        firm.crm.rows["1"] = "Anna"
        await asyncio.sleep(10 * 60)
        assert (firm.watch.runs("east"), firm.watch.settled("east"), firm.east.held) == (2, 4, {})

    live(virtual, story, gates=NOBODY)


def test_whoever_is_let_through_a_gate_is_planned_again_at_once(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10 * 60)
        with capture_logs() as said:
            await firm.store.release("east", "max_updates")
            await asyncio.sleep(10)
        assert firm.east.held == {1: "Ann", 2: "Bea"}
        assert [line["gates"] for line in said if line["event"] == "gates.passed"] == [["max_updates"]]

    live(virtual, story, gates=NOBODY)


def test_whoever_is_held_is_judged_again_when_the_source_has_another_number_of_rows(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10 * 60)
        assert firm.watch.runs("east") == 1
        firm.crm.unfiled = 1
        await asyncio.sleep(2 * 60)
        assert firm.east.held == {1: "Ann", 2: "Bea"}

    live(virtual, story, gates=GatePolicy(min_source_rows=3))


def test_whoever_is_held_is_judged_again_when_somebody_asks_for_a_run(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10 * 60)
        firm.engine.run_now("east")
        await asyncio.sleep(1)
        assert firm.watch.runs("east") == 2

    live(virtual, story, gates=NOBODY)


def test_whoever_is_held_is_judged_again_once_an_hour_whatever_has_not_changed(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(10)
        firm.crm.rows.clear()  # which a look at the source does not notice
        await asyncio.sleep(2 * 3600)
        assert (firm.watch.runs("east") > 1, await firm.store.failures(["east"])) == (True, [])

    live(virtual, story, gates=NOBODY)


# ---- who is gone


def test_who_goes_and_returns_while_the_service_runs_is_told_where_somebody_is_watching(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(90)
        del firm.crm.rows["1"]
        await asyncio.sleep(180)
        assert (firm.east.held, firm.west.held) == ({1: "gone", 2: "Bea"}, {1: "Ann", 2: "Bea"})
        assert firm.east.updates.count("gone") == 1
        firm.crm.rows["1"] = "Ann"
        await asyncio.sleep(120)
        assert (firm.east.held, firm.west.updates) == ({1: "Ann", 2: "Bea"}, firm.west.updates[:2])

    live(virtual, story, gone=GonePolicy("deactivate", {"Name": "gone"}))


def test_who_vanishes_between_the_roll_call_and_the_plan_is_told_as_not_shown_and_then_as_gone(virtual: VirtualTime) -> None:
    async def story(firm: Firm) -> None:
        await asyncio.sleep(90)
        firm.crm.rows["1"] = "Zoe"
        firm.crm.then = lambda: firm.crm.rows.pop("1")
        await asyncio.sleep(60)
        assert [failure.reason for failure in await firm.store.failures(["east"])] == [NOT_SHOWN]
        assert firm.east.held == {1: "Ann", 2: "Bea"}
        await asyncio.sleep(120)
        assert (firm.east.held, firm.west.held) == ({1: "gone", 2: "Bea"}, {1: "Ann", 2: "Bea"})
        assert await firm.store.failures() == []

    live(virtual, story, gone=GonePolicy("deactivate", {"Name": "gone"}))
