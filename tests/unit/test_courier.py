"""One update -> its settlement."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from sync.errors import (
    Broken,
    FieldError,
    NotSent,
    Refused,
    SignInAgain,
    StopAccount,
    SyncError,
    TryAgain,
    Unclear,
    VendorError,
    Wait,
)
from sync.log import Redactor
from sync.model import (
    Change,
    Diff,
    Exchange,
    Identity,
    Leaf,
    Outcome,
    Receipt,
    Reply,
    Request,
    Secret,
    Settlement,
    SignIn,
    Standing,
    Token,
    Update,
)
from sync.pipeline.breaker import BreakerPolicy
from sync.pipeline.courier import Courier
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.pace import PacePolicy, Rate
from sync.pipeline.retry import MOST_WAITS, RetryPolicy
from sync.pipeline.speaker import Speaker
from sync.ports import Vendor

URL = "https://vendor.example/"
PASSWORD = "hunter2-correct-horse"
CREDENTIAL = "credential-of-the-account"
Answer = SyncError | int | None
"""What goes wrong, the status of a reply, or all is well."""


class Dialect(Vendor):
    """Signs in for "token-N", sends each update as a request or more, and says of a reply what it was told to say."""

    name: ClassVar[str] = "dialect"
    Account: ClassVar[type[BaseModel]] = BaseModel
    Customer: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self, *, receipt: Receipt | None = None, signs_in: bool = True, life: timedelta | None = None) -> None:
        self.receipt = receipt or Receipt()
        self.signs_in = signs_in  # type: ignore[misc] - a fake is both kinds of vendor
        self.life = life
        self.verdicts: dict[int, VendorError] = {}
        self.looks = self.verdicts

    @property
    def place(self) -> str:
        return URL

    def identify(self, value: object, match: str | None = None) -> Identity:
        return Identity(str(value), match)

    def requests(self, identity: Identity, changes: Diff, leaves: Mapping[str, Leaf]) -> tuple[Request, ...]:  # noqa: ARG002
        return (Request("PUT", URL + identity.value, {change.field: change.after for change in changes}),)

    def exchange(self, update: Update) -> Exchange:
        for request in update.requests:
            reply = yield request
            if reply.status in self.verdicts:
                raise self.verdicts[reply.status]
        return self.receipt

    def look(self, update: Update) -> Exchange:
        reply = yield Request("GET", URL + update.identity.value)
        if reply.status in self.looks:
            raise self.looks[reply.status]
        return Receipt() if reply.body == b"held" else Receipt((FieldError("Name", "another"),))

    def sign_in(self, token: Token | None) -> SignIn:
        reply = yield Request("POST", URL + "token", {"refresh": token.refresh if token else None})
        if reply.status in self.verdicts:
            raise self.verdicts[reply.status]
        expires = datetime.now(UTC) + self.life if self.life is not None else None
        return Token(reply.body.decode(), expires, "refresh-" + reply.body.decode())

    def sign(self, request: Request, token: Token | None) -> Request:
        return replace(request, headers=(("Authorization", token.access),)) if token else request


class Wire:
    """Answers what it is told to, one after the other, and well after that; keeps what it was asked."""

    def __init__(self, vendor: Dialect, *answers: Answer) -> None:
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.refreshes: list[object] = []
        self.at: list[float] = []
        self._vendor = vendor
        self._answers = list(answers)
        self._signed_in = 0
        self.before: Callable[[Request], Awaitable[None]] | None = None
        self.held = b""

    async def send(self, request: Request, *, seconds: float, written: Callable[[], None]) -> Reply:
        assert seconds == 30.0
        self.asked.append(f"{request.method} {request.url.removeprefix(URL)}")
        self.tokens.append(dict(request.headers).get("Authorization", ""))
        self.at.append(asyncio.get_running_loop().time())
        if self.before:
            await self.before(request)
        written()
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, VendorError):
            self._vendor.verdicts[599] = answer
            return Reply(599, {}, b"", datetime.now(UTC))
        if isinstance(answer, SyncError):
            raise answer
        if request.url.endswith("token"):
            self._signed_in += 1
            self.refreshes.append((request.body or {})["refresh"])
            return Reply(200, {}, f"token-{self._signed_in}".encode(), datetime.now(UTC))
        return Reply(answer or 200, {}, self.held, datetime.now(UTC))


def update(customer: str = "7", after: object = "Jo", requests: int = 1) -> Update:
    changes = (Change("Name", "J", after), Change("Fax", "1", "2"))
    body = {change.field: change.after for change in changes}
    sent = tuple(Request("PUT", URL + customer, body) for _ in range(requests))
    return Update(customer, Identity(customer), 3, changes, {"Name": after, "Fax": "2", "Old": 1}, sent, frozenset({"Old"}))


def redactor() -> Redactor:
    made = Redactor()
    made.learn([CREDENTIAL])
    return made


def courier(vendor: Dialect, wire: Wire, policy: LanePolicy | None = None, stopping: asyncio.Event | None = None) -> Courier:
    lane = Lane("shop", policy or LanePolicy(), Standing(), stopping or asyncio.Event())
    return Courier(vendor, Speaker(vendor, lane, wire, redactor()))


def carried(virtual: Any, *answers: Answer, what: Update | None = None, vendor: Dialect | None = None) -> tuple[Settlement, Wire]:
    """One update of an account that needs no sign-in."""
    dialect = vendor or Dialect(signs_in=False)
    wire = Wire(dialect, *answers)
    return virtual.run(courier(dialect, wire).carry(what or update())), wire


def story(settlement: Settlement) -> tuple[Outcome, str, set[str], int, bool]:
    """What matters of a settlement: outcome, reason, doubt, attempts, parked."""
    return settlement.outcome, settlement.reason, set(settlement.doubt), settlement.attempts, settlement.parked


BOTH = {"Name", "Fax"}


# ---- how an update ends


def test_an_acknowledged_update_is_delivered_with_all_that_the_target_holds_now(virtual: Any) -> None:
    settlement, wire = carried(virtual)
    assert story(settlement) == (Outcome.DELIVERED, "", {"Old"}, 1, False)
    assert (settlement.customer, settlement.id, settlement.version, settlement.taken) == ("7", "7", 3, update().leaves)
    assert wire.asked == ["PUT 7"]


def test_every_request_of_an_update_is_sent_in_its_order(virtual: Any) -> None:
    _, wire = carried(virtual, what=update(requests=3))
    assert wire.asked == ["PUT 7"] * 3


def test_what_the_vendor_accepted_but_does_not_hold_is_parked_with_the_field_in_doubt(virtual: Any) -> None:
    missing = (FieldError("Fax", "not held as sent"),)
    settlement, _ = carried(virtual, vendor=Dialect(signs_in=False, receipt=Receipt(missing)))
    said = "the vendor accepted the update, but does not hold every field as sent"
    assert story(settlement) == (Outcome.REJECTED, said, {"Old", "Fax"}, 1, True)
    assert (settlement.errors, settlement.taken) == (missing, update().leaves)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([Refused("no such customer")], (Outcome.REJECTED, "no such customer", set(), 1, True)),
        ([NotSent("x")] * 5, (Outcome.DEFERRED, "x", set(), 5, False)),
        ([TryAgain("x", maybe_applied=False)] * 5, (Outcome.DEFERRED, "x", set(), 5, False)),
        ([TryAgain("x")] * 5, (Outcome.DEFERRED, "x", BOTH, 5, False)),
        ([TryAgain("x", limit=3, then_refuse=True)] * 3, (Outcome.REJECTED, "x", BOTH, 3, True)),
        ([Broken("x")] * 5, (Outcome.UNKNOWN, "x", BOTH, 5, False)),
        # what was in doubt once stays in doubt, however it ends
        ([Broken("x"), Refused("no")], (Outcome.REJECTED, "no", BOTH, 2, True)),
        ([Broken("x"), *[NotSent("y")] * 4], (Outcome.UNKNOWN, "y", BOTH, 5, False)),
        ([TryAgain("x"), *[NotSent("y")] * 4], (Outcome.DEFERRED, "y", BOTH, 5, False)),
        ([NotSent("x"), Refused("no")], (Outcome.REJECTED, "no", set(), 2, True)),
        # but is none any more once it is acknowledged
        ([Broken("x"), None], (Outcome.DELIVERED, "", {"Old"}, 2, False)),
        ([NotSent("x"), TryAgain("y"), None], (Outcome.DELIVERED, "", {"Old"}, 3, False)),
        # a wait costs no attempt
        ([Wait("429", None)] * 9, (Outcome.DELIVERED, "", {"Old"}, 1, False)),
        ([NotSent("x"), *[Wait("429", None)] * 9, *[NotSent("x")] * 4], (Outcome.DEFERRED, "x", set(), 5, False)),
        ([Wait("429", None)] * 99, (Outcome.DEFERRED, "429", set(), 1, False)),
        ([Wait("503", None, maybe_applied=True), *[Wait("429", None)] * 99], (Outcome.DEFERRED, "429", BOTH, 1, False)),
    ],
)
def test_how_an_update_ends(virtual: Any, answers: list[Answer], expected: Any) -> None:
    settlement, _ = carried(virtual, *answers)
    assert story(settlement) == expected
    assert (settlement.taken is not None) == (settlement.outcome is Outcome.DELIVERED)


def test_a_reply_that_nobody_understands_leaves_the_fields_in_doubt(virtual: Any) -> None:
    settlement, wire = carried(virtual, *[Unclear("?")] * 9)
    assert story(settlement) == (Outcome.UNKNOWN, "?", BOTH, 2, False)
    assert [asked for asked in wire.asked if asked.startswith("PUT")] == ["PUT 7"] * 2


def looked_back(virtual: Any, *answers: Answer, held: bytes = b"", **looks: VendorError) -> tuple[Settlement, Wire]:
    """Every update is answered with 599, which nobody understands; each look with what it is told to, such as s404."""
    dialect = Dialect(signs_in=False)
    dialect.verdicts[599] = Unclear("?")
    dialect.looks = {int(status[1:]): verdict for status, verdict in looks.items()}
    wire = Wire(dialect, *answers)
    wire.held = held
    return virtual.run(courier(dialect, wire).carry(update())), wire


def test_a_reply_that_nobody_understands_counts_as_a_success_where_the_vendor_read_back_holds_the_update(virtual: Any) -> None:
    settlement, wire = looked_back(virtual, 599, held=b"held")
    assert story(settlement) == (Outcome.DELIVERED, "", {"Old"}, 1, False)
    assert settlement.taken == update().leaves
    assert wire.asked == ["PUT 7", "GET 7"]


def test_what_the_vendor_read_back_does_not_hold_is_sent_once_more_and_then_unknown(virtual: Any) -> None:
    settlement, wire = looked_back(virtual, 599, 200, 599, 200)
    assert story(settlement) == (Outcome.UNKNOWN, "?", BOTH, 2, False)
    assert wire.asked == ["PUT 7", "GET 7"] * 2


@pytest.mark.parametrize("look", [404, 503, 599, NotSent("x"), Broken("x")])
def test_a_look_that_goes_wrong_says_nothing_of_the_update(virtual: Any, look: Answer) -> None:
    said = {"s404": Refused("no such customer"), "s503": TryAgain("busy"), "s599": Unclear("?")}
    settlement, wire = looked_back(virtual, 599, look, 200, **said)
    assert story(settlement) == (Outcome.DELIVERED, "", {"Old"}, 2, False)
    assert wire.asked == ["PUT 7", "GET 7", "PUT 7"]


def test_a_look_that_has_to_wait_pauses_the_account_and_costs_no_attempt(virtual: Any) -> None:
    until = datetime.now(UTC) + timedelta(seconds=30)
    settlement, wire = looked_back(virtual, 599, 429, 200, s429=Wait("429", until))
    assert story(settlement) == (Outcome.DELIVERED, "", {"Old"}, 1, False)
    assert 25 <= wire.at[2] - wire.at[1] <= 31


def test_a_look_that_stops_the_account_leaves_the_update_unknown(virtual: Any) -> None:
    settlement, _ = looked_back(virtual, 599, 403, s403=StopAccount("daily limit"))
    assert story(settlement) == (Outcome.UNKNOWN, "daily limit", BOTH, 0, False)


def test_how_every_attempt_ended_tells_whether_the_vendor_is_well(virtual: Any) -> None:
    dialect = Dialect(signs_in=False)
    policy = LanePolicy(retry=RetryPolicy(attempts=1), breaker=BreakerPolicy(failures=3, customers=3, cooldown=5.0))
    carrier = courier(dialect, Wire(dialect, NotSent("x"), Broken("x"), TryAgain("x")), policy)

    async def main() -> list[bool]:
        found = []
        for customer in "1234":
            await carrier.carry(update(customer))
            found.append(carrier._lane.condition().unwell)
        return found

    assert virtual.run(main()) == [False, False, True, False]


def test_an_update_that_was_to_probe_and_never_left_lets_another_one_probe_in_the_next_run(virtual: Any) -> None:
    dialect = Dialect(signs_in=False)
    sick = BreakerPolicy(failures=3, customers=2, cooldown=5.0)
    carrier = courier(dialect, Wire(dialect), LanePolicy(pace=PacePolicy(Rate(1, 60.0, "1/m")), breaker=sick))

    async def main() -> list[Settlement]:
        found = [await carrier.carry(update("0"))]
        for customer in "123":
            carrier._lane.noted(customer, NotSent("down"), "down")
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(carrier.carry(update("1")))
            await asyncio.sleep(10)
            carrier._lane.close("quota", None)
        carrier._lane.reopen()
        async with asyncio.timeout(300):
            return [*found, probing.result(), await carrier.carry(update("2"))]

    found = [settlement.outcome for settlement in virtual.run(main())]
    assert found == [Outcome.DELIVERED, Outcome.DEFERRED, Outcome.DELIVERED]


@pytest.mark.parametrize("answers", [(), (404,)])
def test_a_settlement_tells_what_was_sent_and_the_status_of_the_last_reply(virtual: Any, answers: tuple[Answer, ...]) -> None:
    dialect, what = Dialect(signs_in=False), replace(update(), stays=True)
    dialect.verdicts[404] = Refused("no")
    settlement, _ = carried(virtual, *answers, what=what, vendor=dialect)
    told = (settlement.changes, settlement.requests, settlement.status, settlement.stays)
    assert told == (what.changes, what.requests, answers[0] if answers else 200, True)


def test_a_refusal_in_the_second_of_two_requests_leaves_the_first_in_doubt(virtual: Any) -> None:
    settlement, wire = carried(virtual, None, Refused("no"), what=update(requests=2))
    assert settlement.outcome is Outcome.REJECTED
    assert wire.asked == ["PUT 7"] * 2
    assert set(settlement.doubt) == BOTH


def test_a_vendor_that_asks_to_wait_is_not_asked_for_ever(virtual: Any) -> None:
    _, wire = carried(virtual, *[Wait("429", None)] * 99)
    assert len(wire.asked) == MOST_WAITS + 1


def test_repeats_are_spread_over_time(virtual: Any) -> None:
    _, wire = carried(virtual, *[NotSent("x")] * 5)
    gaps = [after - before for before, after in pairwise(wire.at)]
    assert [0 <= gap <= most for gap, most in zip(gaps, (0.5, 1.0, 2.0, 4.0), strict=True)] == [True] * 4


def test_waiting_for_ones_turn_uses_up_neither_attempts_nor_time(virtual: Any) -> None:
    """Eight updates, of which the last waits seven minutes for its turn and then meets trouble that passes."""
    dialect = Dialect(signs_in=False)
    wire = Wire(dialect, *[None] * 7, NotSent("x"))
    policy = LanePolicy(pace=PacePolicy(Rate(1, 60.0, "1/m")), retry=RetryPolicy(total=120.0))
    carrier = courier(dialect, wire, policy)

    async def main() -> list[Settlement]:
        return list(await asyncio.gather(*(carrier.carry(update(str(number))) for number in range(8))))

    found = virtual.run(main())
    assert [settlement.outcome for settlement in found] == [Outcome.DELIVERED] * 8


def test_a_timeout_that_repeats_ends_when_the_time_is_used_up(virtual: Any) -> None:
    dialect = Dialect(signs_in=False)
    wire = Wire(dialect, *[Broken("no answer")] * 99)

    async def slowly(_request: Request) -> None:
        await asyncio.sleep(30)

    wire.before = slowly
    policy = LanePolicy(retry=RetryPolicy(attempts=99, total=120.0))
    before = virtual.now
    settlement = virtual.run(courier(dialect, wire, policy).carry(update()))
    assert settlement.outcome is Outcome.UNKNOWN
    assert virtual.now - before <= 250


# ---- the whole account


def test_a_wait_pauses_every_update_of_the_account(virtual: Any) -> None:
    dialect = Dialect(signs_in=False)
    wire = Wire(dialect, Wait("429", datetime.now(UTC) + timedelta(seconds=30)))
    carrier = courier(dialect, wire)
    before = virtual.now

    async def main() -> None:
        first = asyncio.ensure_future(carrier.carry(update("1")))
        await asyncio.sleep(1)
        await asyncio.gather(first, *(carrier.carry(update(str(number))) for number in range(2, 6)))

    virtual.run(main())
    assert [moment - before >= 29 for moment in wire.at] == [False, True, True, True, True, True]


def test_a_wait_longer_than_the_runs_patience_leaves_everything_for_later(virtual: Any) -> None:
    dialect, until = Dialect(signs_in=False), datetime.now(UTC) + timedelta(hours=1)
    wire = Wire(dialect, Wait("come back later", until))
    carrier = courier(dialect, wire)

    async def main() -> list[Settlement]:
        return [await carrier.carry(update("1")), await carrier.carry(update("2"))]

    one, two = virtual.run(main())
    assert (story(one), one.due) == ((Outcome.DEFERRED, "come back later", set(), 0, False), until)
    assert (story(two), two.due) == ((Outcome.DEFERRED, "come back later", set(), 0, False), until)
    assert wire.asked == ["PUT 1"]


def test_a_stopped_account_leaves_everything_for_later_without_asking_again(virtual: Any) -> None:
    dialect = Dialect(signs_in=False)
    wire = Wire(dialect, StopAccount("credentials refused"))
    carrier = courier(dialect, wire)

    async def main() -> list[Settlement]:
        return [await carrier.carry(update(str(number))) for number in range(3)]

    assert [story(found) for found in virtual.run(main())] == [(Outcome.DEFERRED, "credentials refused", set(), 0, False)] * 3
    assert wire.asked == ["PUT 0"]


def test_what_was_in_doubt_when_the_account_stopped_is_unknown(virtual: Any) -> None:
    settlement, _ = carried(virtual, Broken("x"), StopAccount("quota is gone"))
    assert story(settlement) == (Outcome.UNKNOWN, "quota is gone", BOTH, 1, False)


def test_the_stop_event_ends_whoever_waits_without_doubt_and_lets_what_is_in_flight_finish(virtual: Any) -> None:
    stopping = asyncio.Event()
    dialect = Dialect(signs_in=False)
    wire = Wire(dialect, Wait("429", datetime.now(UTC) + timedelta(seconds=30)))
    carrier = courier(dialect, wire, stopping=stopping)

    async def long(request: Request) -> None:
        if request.url.endswith("2"):
            await asyncio.sleep(5)

    async def main() -> list[Settlement]:
        wire.before = long
        work = [asyncio.ensure_future(carrier.carry(update(str(number)))) for number in (2, 1)]
        await asyncio.sleep(1)
        work.append(asyncio.ensure_future(carrier.carry(update("3"))))
        await asyncio.sleep(1)
        stopping.set()
        return list(await asyncio.gather(*work))

    two, one, three = virtual.run(main())
    assert story(one) == (Outcome.DEFERRED, "stopped before it was sent", set(), 0, False)
    assert two.outcome is Outcome.DELIVERED
    assert story(three) == (Outcome.DEFERRED, "stopped before it was sent", set(), 0, False)
    assert wire.asked == ["PUT 2", "PUT 1"]


def test_the_stop_event_ends_a_repeat_that_waits_with_what_is_in_doubt(virtual: Any) -> None:
    stopping = asyncio.Event()
    dialect = Dialect(signs_in=False)
    wire = Wire(dialect, Broken("x"))
    carrier = courier(dialect, wire, LanePolicy(retry=RetryPolicy(backoff=10_000, longest=10_000)), stopping)

    async def main() -> Settlement:
        work = asyncio.ensure_future(carrier.carry(update()))
        await asyncio.sleep(0)
        stopping.set()
        return await work

    settlement = virtual.run(main())
    assert (settlement.outcome, set(settlement.doubt)) == (Outcome.UNKNOWN, BOTH)


# ---- signing in


async def all_carried(carrier: Courier, count: int) -> list[Settlement]:
    return list(await asyncio.gather(*(carrier.carry(update(str(number))) for number in range(count))))


def test_many_workers_sign_in_once(virtual: Any) -> None:
    dialect = Dialect()
    wire = Wire(dialect)

    async def slowly(_request: Request) -> None:
        await asyncio.sleep(1)

    wire.before = slowly
    found = virtual.run(all_carried(courier(dialect, wire), 50))
    assert {settlement.outcome for settlement in found} == {Outcome.DELIVERED}
    assert (wire.asked.count("POST token"), set(wire.tokens)) == (1, {"", "token-1"})


def test_a_vendor_without_sign_in_is_not_asked_for_a_token(virtual: Any) -> None:
    _, wire = carried(virtual)
    assert (wire.asked, wire.tokens) == (["PUT 7"], [""])


def test_a_token_that_is_not_accepted_any_more_is_renewed_once_and_the_update_sent_again(virtual: Any) -> None:
    dialect = Dialect()
    wire = Wire(dialect, None, SignInAgain("401"))
    settlement = virtual.run(courier(dialect, wire).carry(update()))
    assert story(settlement) == (Outcome.DELIVERED, "", {"Old"}, 1, False)
    assert list(zip(wire.asked, wire.tokens, strict=True)) == [
        ("POST token", ""), ("PUT 7", "token-1"), ("POST token", ""), ("PUT 7", "token-2"),
    ]  # fmt: skip


def test_a_fresh_token_that_is_not_accepted_stops_the_account(virtual: Any) -> None:
    dialect = Dialect()
    wire = Wire(dialect, None, SignInAgain("401"), None, SignInAgain("401"))
    carrier = courier(dialect, wire)

    async def main() -> list[Settlement]:
        return [await carrier.carry(update("1")), await carrier.carry(update("2"))]

    one, two = virtual.run(main())
    assert story(one) == (Outcome.DEFERRED, "credentials refused: 401", set(), 0, False)
    assert story(two) == (Outcome.DEFERRED, "credentials refused: 401", set(), 0, False)
    assert wire.asked == ["POST token", "PUT 1", "POST token", "PUT 1"]
    closed = carrier._lane.closed
    assert closed
    assert closed.refused


def test_one_customer_that_is_never_accepted_does_not_stop_the_others_but_two_in_a_row_do(virtual: Any) -> None:
    dialect, no = Dialect(), SignInAgain("401")
    wire = Wire(dialect, None, None, no, None, no, None, no, None, no, no, None, no)
    carrier = courier(dialect, wire)

    async def main() -> list[Settlement]:
        return [await carrier.carry(update(customer)) for customer in ("1", "2", "3", "4", "5")]

    one, two, three, four, five = virtual.run(main())
    assert (one.outcome, three.outcome) == (Outcome.DELIVERED, Outcome.DELIVERED)
    assert story(two) == (Outcome.DEFERRED, "not accepted for this customer: 401", set(), 1, False)
    assert four.reason == "not accepted for this customer: 401"
    assert five.reason == "credentials refused: 401"


def test_many_workers_whose_token_has_expired_sign_in_once_for_all(virtual: Any) -> None:
    dialect = Dialect()
    wire = Wire(dialect)
    verdict = SignInAgain("401")
    dialect.verdicts[401] = verdict
    refused: list[str] = []

    async def main() -> list[Settlement]:
        carrier = courier(dialect, wire)
        await carrier.carry(update("first"))

        async def expired(request: Request) -> None:
            await asyncio.sleep(int(request.url[-1]) if request.method == "PUT" else 1.5)
            if dict(request.headers).get("Authorization") == "token-1":
                refused.append(request.url)
                wire._answers.insert(0, 401)

        wire.before = expired
        return await all_carried(carrier, 10)

    found = virtual.run(main())
    assert [story(settlement) for settlement in found] == [(Outcome.DELIVERED, "", {"Old"}, 1, False)] * 10
    assert (len(refused), wire.asked.count("POST token")) == (10, 2)


@pytest.mark.parametrize(("life", "early"), [(3600, 60), (300, 30), (10, 1)])
def test_a_token_is_renewed_before_it_expires(virtual: Any, life: int, early: int) -> None:
    dialect = Dialect(life=timedelta(seconds=life))
    carrier = courier(dialect, Wire(dialect))
    virtual.run(carrier.carry(update()))
    due = carrier._speaker._renew_at - datetime.now(UTC)
    assert life - early - 5 <= due.total_seconds() <= life - early


def test_a_token_that_has_expired_is_renewed_with_its_refresh_token_before_anything_is_sent(virtual: Any) -> None:
    dialect = Dialect(life=timedelta(0))
    wire = Wire(dialect)
    carrier = courier(dialect, wire)

    async def main() -> None:
        await carrier.carry(update("1"))
        await carrier.carry(update("2"))

    virtual.run(main())
    assert wire.asked == ["POST token", "PUT 1", "POST token", "PUT 2"]
    assert wire.refreshes == [None, "refresh-token-1"]


def test_a_token_without_an_end_is_kept_although_the_one_before_it_had_one(virtual: Any) -> None:
    dialect = Dialect(life=timedelta(0))
    wire = Wire(dialect)
    carrier = courier(dialect, wire)

    async def main() -> None:
        await carrier.carry(update("1"))
        dialect.life = None
        for number in "234":
            await carrier.carry(update(number))

    virtual.run(main())
    assert wire.asked.count("POST token") == 2


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (NotSent("no connection"), (Outcome.DEFERRED, "sign-in: no connection", set(), 5, False)),
        (Broken("no answer"), (Outcome.DEFERRED, "sign-in: no answer", set(), 5, False)),
        (TryAgain("503"), (Outcome.DEFERRED, "sign-in: 503", set(), 5, False)),
        (Unclear("?"), (Outcome.DEFERRED, "sign-in: ?", set(), 5, False)),
        (Wait("429", None), (Outcome.DEFERRED, "429", set(), 1, False)),
        (SignInAgain("401"), (Outcome.DEFERRED, "credentials refused: 401", set(), 0, False)),
        (StopAccount("wrong password"), (Outcome.DEFERRED, "wrong password", set(), 0, False)),
    ],
)
def test_a_sign_in_that_goes_wrong_leaves_the_update_for_later_and_without_doubt(
    virtual: Any, trouble: SyncError, expected: Any
) -> None:
    settlement, wire = carried(virtual, *[trouble] * 99, vendor=Dialect())
    assert story(settlement) == expected
    assert set(wire.asked) == {"POST token"}


def test_a_sign_in_that_fails_once_is_tried_again(virtual: Any) -> None:
    settlement, wire = carried(virtual, Broken("no answer"), vendor=Dialect())
    assert (settlement.outcome, wire.asked) == (Outcome.DELIVERED, ["POST token", "POST token", "PUT 7"])


def test_only_signing_in_tells_whether_the_credentials_are_accepted(virtual: Any) -> None:
    dialect = Dialect()
    wire = Wire(dialect, None, StopAccount("wrong password"))
    virtual.run(courier(dialect, wire)._speaker.sign_in())
    with pytest.raises(StopAccount, match=r"^wrong password$"):
        virtual.run(courier(dialect, wire)._speaker.sign_in())
    assert wire.asked == ["POST token"] * 2


# ---- secrets


def test_no_secret_is_in_a_reason_or_an_error(virtual: Any) -> None:
    said = f"{PASSWORD} is too short, {CREDENTIAL} too long"
    secret = update(after=Secret("fingerprint", PASSWORD))
    settlement, _ = carried(virtual, Refused(said, (FieldError("Name", said),)), what=secret)
    assert settlement.reason == "*** is too short, *** too long"
    assert settlement.errors == (FieldError("Name", "*** is too short, *** too long"),)


@pytest.mark.parametrize(
    "trouble", [StopAccount, SignInAgain, lambda said: Wait(said, datetime.now(UTC) + timedelta(hours=1)), NotSent, Broken]
)
def test_no_token_is_in_a_reason_either(virtual: Any, trouble: Callable[[str], SyncError]) -> None:
    said = f"token-1 and refresh-token-1 are not {CREDENTIAL}"
    settlement, _ = carried(virtual, None, *[trouble(said) for _ in range(9)], vendor=Dialect())
    assert [word for word in ("token-1", "refresh-token-1", CREDENTIAL) if word in settlement.reason] == []
    assert "***" in settlement.reason


def test_the_vendors_echo_of_a_secret_stays_out_of_the_settlement_as_a_whole(virtual: Any) -> None:
    secret = update(after=Secret("fingerprint", PASSWORD))
    echo = Receipt((FieldError("Name", f"holds {PASSWORD}"),))
    settlement, _ = carried(virtual, what=secret, vendor=Dialect(signs_in=False, receipt=echo))
    assert PASSWORD not in repr(settlement)
