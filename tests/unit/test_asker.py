"""A source's question -> its answer."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from sync import reading
from sync.errors import NotSent, Refused, SourceError, SyncError
from sync.log import Redactor
from sync.model import Conversation, Reply, Request, SignIn, Standing, Token
from sync.pipeline.asker import Asker
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.pace import PacePolicy, Rate
from sync.pipeline.retry import RetryPolicy
from sync.pipeline.speaker import Speaker
from sync.ports import Signing

URL = "https://api.example/customers"
SECRET = "key-that-nobody-may-see"
OFTEN = LanePolicy(retry=RetryPolicy(attempts=3))


class Bearer(Signing):
    """Asks for a token."""

    def sign_in(self, token: Token | None) -> SignIn:  # noqa: ARG002
        return reading.token((yield Request("POST", "https://api.example/token")))

    def sign(self, request: Request, token: Token | None) -> Request:
        return reading.bearer(request, token)


class Wire:
    """Answers (status, headers, body) or raises, one after the other; keeps what was asked, and when."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes] | SyncError) -> None:
        self.asked: list[tuple[str, str]] = []
        self.at: list[float] = []
        self._answers = list(answers)

    async def send(self, request: Request, *, seconds: float, written: Any) -> Reply:  # noqa: ARG002
        written()
        self.asked.append((f"{request.method} {request.url}", dict(request.headers).get("Authorization", "")))
        self.at.append(asyncio.get_running_loop().time())
        answer = self._answers.pop(0)
        if isinstance(answer, SyncError):
            raise answer
        return Reply(*answer, datetime.now(UTC))


GOOD = (200, {}, b"everybody")
TOKEN = (200, {}, b'{"access_token": "token-1"}')


def listed() -> Conversation[str]:
    reply = yield Request("GET", URL)
    if reply.status != 200:
        raise reading.failure(reply, reading.text(reply))
    return reply.body.decode()


def speaker(wire: Wire, policy: LanePolicy = OFTEN, **more: Any) -> Speaker:
    redactor = Redactor()
    redactor.learn([SECRET])
    return Speaker(Bearer(), Lane("shop", policy, Standing(), asyncio.Event(), **more), wire, redactor)


def asked(virtual: Any, *answers: tuple[int, dict[str, str], bytes] | SyncError) -> tuple[str, Wire]:
    wire = Wire(TOKEN, *answers)
    return virtual.run(Asker("sources.shop", speaker(wire))(listed)), wire


def test_an_answer_comes_after_a_sign_in_and_is_signed(virtual: Any) -> None:
    answer, wire = asked(virtual, GOOD)
    assert answer == "everybody"
    assert wire.asked == [("POST https://api.example/token", ""), (f"GET {URL}", "Bearer token-1")]


def test_a_failure_that_passes_is_asked_past(virtual: Any) -> None:
    answer, wire = asked(virtual, (503, {}, b""), NotSent("no connection"), GOOD)
    assert (answer, len(wire.asked)) == ("everybody", 4)


def test_a_failure_that_stays_is_told_with_the_name_of_the_source(virtual: Any) -> None:
    with pytest.raises(SourceError, match=r"^sources\.shop: 500 Internal Server Error: out of order$"):
        asked(virtual, *[(500, {}, b"out of order")] * 3)


def test_a_429_is_waited_for_and_costs_no_attempt(virtual: Any) -> None:
    answer, wire = asked(virtual, *[(429, {"retry-after": "7"}, b"")] * 4, GOOD)
    assert answer == "everybody"
    assert all(later - before >= 6.9 for before, later in zip(wire.at[1:], wire.at[2:], strict=False))


def test_a_429_that_asks_for_more_than_the_patience_ends_it(virtual: Any) -> None:
    with pytest.raises(SourceError, match=r"^sources\.shop: 429 Too Many Requests$"):
        asked(virtual, (429, {"retry-after": "3600"}, b""))


def test_a_401_signs_in_once_more_and_a_second_one_stops_the_account(virtual: Any) -> None:
    answer, _ = asked(virtual, (401, {}, b""), TOKEN, GOOD)
    assert answer == "everybody"
    wire = Wire(TOKEN, (401, {}, b""), TOKEN, (401, {}, b""))
    speaks = speaker(wire)
    with pytest.raises(SourceError, match=r"^sources\.shop: credentials refused: 401 Unauthorized$"):
        virtual.run(Asker("sources.shop", speaks)(listed))
    assert speaks.lane.closed
    assert speaks.lane.closed.refused


def test_a_refusal_is_told_without_secrets_and_not_repeated(virtual: Any) -> None:
    with pytest.raises(Refused, match=r"^403 Forbidden: not with \*\*\*$") as refused:
        asked(virtual, (403, {}, f"403 Forbidden: not with {SECRET}".encode()))
    assert SECRET not in str(refused.value)


def test_a_failure_is_told_without_secrets(virtual: Any) -> None:
    with pytest.raises(SourceError, match=r"not with \*\*\*$"):
        asked(virtual, *[(500, {}, f"not with {SECRET}".encode())] * 3)


def test_who_asks_an_account_together_shares_its_token_and_its_pace(virtual: Any) -> None:
    wire = Wire(TOKEN, *[GOOD] * 4)
    speaks = speaker(wire, LanePolicy(pace=PacePolicy(Rate(1, 10.0, "1/10s"))))

    async def main() -> None:
        await asyncio.gather(*(Asker(f"sources.{name}", speaks)(listed) for name in ("a", "b", "a", "b")))

    virtual.run(main())
    assert len(wire.asked) == 5
    assert all(later - before >= 10.0 for before, later in zip(wire.at, wire.at[1:], strict=False))


def test_every_request_is_counted_in_the_quota_before_it_leaves(virtual: Any) -> None:
    wire, counted = Wire(TOKEN, GOOD, GOOD), []

    async def remember(standing: Standing) -> None:
        counted.append((len(wire.asked), sum(count for _, count in standing.used["9/h"])))

    policy = LanePolicy(pace=PacePolicy(quotas=(Rate(9, 3600.0, "9/h"),)))
    speaks = speaker(wire, policy, remember=remember)

    async def main() -> None:
        await Asker("sources.a", speaks)(listed)
        await Asker("sources.a", speaks)(listed, "7")

    virtual.run(main())
    assert counted == [(0, 1), (1, 2), (2, 3)]


def test_a_process_that_stops_asks_nothing_more(virtual: Any) -> None:
    wire, stopping = Wire(TOKEN, GOOD), asyncio.Event()
    stopping.set()
    speaks = Speaker(Bearer(), Lane("shop", OFTEN, Standing(), stopping, 0), wire, Redactor())
    with pytest.raises(SourceError, match=r"^sources\.shop: stopped before it was read to its end"):
        virtual.run(Asker("sources.shop", speaks)(listed))
    assert wire.asked == []


def test_whoever_has_no_answer_leaves_the_lane(virtual: Any) -> None:
    speaks = speaker(Wire(TOKEN, (429, {"retry-after": "7200"}, b"")))
    with pytest.raises(SourceError):
        virtual.run(Asker("sources.shop", speaks)(listed))
    assert speaks.lane._intended == set()
