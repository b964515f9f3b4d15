"""The engine tells people what is wrong with it, in virtual time: each thing once, whatever becomes of the messages."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.errors import StateError
from sync.model import Alert, Tripped
from sync.service.alerting import Message
from sync.service.alerts import AlertPolicy, Alerts
from sync.stores.memory import Memory
from tests.conftest import VirtualTime
from tests.unit.test_engine import HOUR, Firm, firm, now

AFTER = timedelta(seconds=10)


class People:
    """Who is told; they can be out of reach."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bool]] = []
        self.words: list[str] = []
        self.tries = 0
        self.reachable = True

    async def post(self, message: Message) -> bool:
        self.tries += 1
        if self.reachable:
            self.heard.append((message.alert.about, message.ill))
            self.words += [message.title, message.body]
        return self.reachable


Story = Callable[[Firm, People], Coroutine[Any, Any, None]]


def live(virtual: VirtualTime, story: Story, *before: Callable[[Firm], None], told: tuple[Alert, ...] = (), **how: Any) -> None:
    """Tells a story while the engine runs and alerts are sent, and ends both."""

    async def work() -> None:
        made, people = firm(**how), People()
        for prepare in before:
            prepare(made)
        await made.store.note_alerts(told)
        alerts = Alerts(made.engine, made.store, AlertPolicy(AFTER, intervals=5), people.post)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(made.engine.run())
            alerting = group.create_task(alerts.run(made.closing))
            try:
                await story(made, people)
            finally:
                made.closing.set()
                made.east.well.set()
                made.west.well.set()
                alerting.cancel()
            await running
        assert made.supervisor.dead is None

    virtual.run(work())


def many(firm: Firm) -> None:
    firm.crm.rows = {str(number): "Ann" for number in range(1, 9)}


def test_a_service_that_is_well_says_nothing(virtual: VirtualTime) -> None:
    async def story(_firm: Firm, people: People) -> None:
        await asyncio.sleep(7200)
        assert people.heard == []

    live(virtual, story)


def test_a_vendor_that_does_not_answer_is_told_once_for_all_customers_and_once_when_it_does(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        firm.east.away = True
        await asyncio.sleep(300)
        assert people.heard == [("accounts.east.unwell", True)]
        assert people.words[0] == "customer-sync: account east: the vendor does not answer as it should"
        firm.east.away = False
        await asyncio.sleep(300)
        assert people.heard == [("accounts.east.unwell", True), ("accounts.east.unwell", False)]
        assert "Ann" not in " ".join(people.words)

    live(virtual, story, many)


def test_refused_credentials_are_told_and_are_not_well_again_before_they_are_accepted(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        firm.east.sign_in_status = 401
        await asyncio.sleep(1200)
        assert people.heard[0] == ("accounts.east.refused", True)
        assert ("accounts.east.refused", False) not in people.heard
        firm.east.sign_in_status = 200
        await asyncio.sleep(1200)
        assert people.heard.count(("accounts.east.refused", True)) == 1
        assert people.heard.count(("accounts.east.refused", False)) == 1

    live(virtual, story)


def test_a_source_that_cannot_be_read_is_told_and_that_it_can(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        firm.crm.broken = True
        await asyncio.sleep(120)
        assert people.heard == [("sources.crm", True)]
        assert people.words[1].endswith("sources.crm: gone. It is tried again by itself; until then targets east, west wait.")
        firm.crm.broken = False
        await asyncio.sleep(400)
        assert people.heard == [("sources.crm", True), ("sources.crm", False)]

    live(virtual, story)


def test_a_quota_that_is_gone_is_told_with_when_it_is_back_and_once_that_it_is(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        firm.east.status, firm.east.headers = 429, {"retry-after": "1800"}
        begun = now()
        await asyncio.sleep(1500)
        assert people.heard == [("accounts.east.quota", True)]
        assert f"Nothing goes out before {begun + timedelta(minutes=30):%Y-%m-%d %H:%M} UTC" in people.words[1]
        firm.east.status = 200
        await asyncio.sleep(600)
        assert people.heard == [("accounts.east.quota", True), ("accounts.east.quota", False)]

    live(virtual, story, every=HOUR)


def test_a_schedule_that_does_not_move_is_told_once_and_once_that_it_does(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        firm.crm.answers.clear()
        await asyncio.sleep(3000)
        assert people.heard == [("service", True)]
        assert people.words[0] == "customer-sync: the service does not move as it should"
        assert "source crm is being read, and nothing has come since" in people.words[1]
        firm.crm.answers.set()
        await asyncio.sleep(60)
        assert people.heard == [("service", True), ("service", False)]

    live(virtual, story, every=HOUR)


def test_a_target_that_does_not_end_well_for_so_many_intervals_is_told(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        await asyncio.sleep(60)
        firm.crm.rows["1"] = "Anna"
        firm.east.away = True
        await asyncio.sleep(500)
        assert people.heard == []
        await asyncio.sleep(600)
        assert people.heard == [("targets.east.behind", True)]
        firm.east.away = False
        await asyncio.sleep(400)
        assert people.heard == [("targets.east.behind", True), ("targets.east.behind", False)]

    live(virtual, story)


def test_a_paused_target_is_not_missed(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        await asyncio.sleep(60)
        await firm.engine.pause("east")
        await asyncio.sleep(7200)
        assert people.heard == []

    live(virtual, story)


def test_a_gate_that_has_tripped_is_told_until_a_run_passes_it(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        await asyncio.sleep(30)
        firm.engine.turns["east"].tripped = (Tripped("max_updates", "30%", 6, "6 of 8 customers, over 30%"),)
        await asyncio.sleep(20)
        assert people.heard == [("targets.east.max_updates", True)]
        assert "6 of 8 customers, over 30%" in people.words[1]
        await asyncio.sleep(100)
        assert people.heard == [("targets.east.max_updates", True), ("targets.east.max_updates", False)]

    live(virtual, story)


def test_a_restart_does_not_tell_again_and_tells_when_it_is_over(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        await asyncio.sleep(100)
        assert people.heard == [("accounts.east.unwell", False)]
        assert await firm.store.alerts() == []

    live(virtual, story, told=(Alert("accounts.east.unwell", datetime(2026, 1, 1, tzinfo=UTC), "account east: unwell"),))


def test_what_was_told_is_remembered(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        firm.crm.broken = True
        await asyncio.sleep(60)
        [alert] = await firm.store.alerts()
        assert (alert.about, alert.text) == ("sources.crm", "source crm cannot be read")
        assert people.heard == [("sources.crm", True)]

    live(virtual, story)


def test_whoever_cannot_be_reached_is_tried_ever_more_seldom_and_told_in_the_end(virtual: VirtualTime) -> None:
    async def story(firm: Firm, people: People) -> None:
        people.reachable, firm.crm.broken = False, True
        await asyncio.sleep(3600)
        assert people.heard == []
        assert people.tries in range(10, 25)
        people.reachable = True
        await asyncio.sleep(600)
        assert people.heard == [("sources.crm", True), ("targets.east.behind", True), ("targets.west.behind", True)]

    live(virtual, story)


class Full(Memory):
    """A store on a full disk."""

    async def note_alerts(self, alerts: Sequence[Alert]) -> None:
        del alerts
        raise StateError("state.db: the disk is full")


def test_a_full_disk_ends_no_service_because_of_an_alert(virtual: VirtualTime) -> None:
    async def work() -> None:
        made, people = firm(), People()
        made.engine.lines["crm"].failed(datetime.now(UTC), "gone")
        alerting = asyncio.ensure_future(Alerts(made.engine, Full(), AlertPolicy(AFTER, 5), people.post).run(made.closing))
        await asyncio.sleep(60)
        assert (alerting.done(), people.heard) == (False, [("sources.crm", True)])
        alerting.cancel()

    virtual.run(work())
