"""An API on a local port -> its customers, whatever way it pages, and whatever happens meanwhile."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from sync.errors import SourceError
from sync.log import Redactor
from sync.model import Standing
from sync.pipeline.asker import Asker
from sync.pipeline.detect import Stream, detect
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.retry import RetryPolicy
from sync.pipeline.speaker import Speaker
from sync.pipeline.survey import survey
from sync.ports import Signing, Span
from sync.sources.http.api import Api, Narrowing, Single
from sync.sources.http.paging import Cursor, Link, NextUrl, Numbered, Offset, Paging, Whole
from sync.sources.http.paths import parse
from sync.sources.http.signing import ClientCredentials, Headers, basic
from sync.sources.http.source import Http, HttpPolicy
from sync.stores.memory import Memory

SECRET = "credential-of-the-api"
CAP = 5
NEVER_MIND = LanePolicy(timeout=5.0, retry=RetryPolicy(attempts=3, backoff=0.0))


class Shop:
    """Customers by id, ten unless said otherwise; `then` is done after so many answers, `faults` come in place of answers."""

    def __init__(self) -> None:
        self.customers: list[dict[str, Any]] = [someone(number) for number in range(1, 11)]
        self.asked: list[str] = []
        self.signed: list[str] = []
        self.then: dict[int, Callable[[], object]] = {}
        self.faults: list[Callable[[], web.Response] | None] = []
        self.tokens: list[str] = []
        self.forms: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        self.signed.append(request.headers.get("Authorization", request.headers.get("X-Key", "")))
        fault = self.faults.pop(0) if self.faults else None
        answer = fault() if fault else await getattr(self, request.match_info["kind"])(request)
        if act := self.then.get(len(self.asked)):
            act()
        return answer

    def listed(self, request: web.Request) -> list[dict[str, Any]]:
        since = request.query.get("since", "")
        return [customer for customer in self.customers if (customer["updated_at"] or "") >= since]

    async def whole(self, request: web.Request) -> web.Response:
        return web.json_response(self.listed(request))

    async def page(self, request: web.Request) -> web.Response:
        listed, start = self.listed(request), (int(request.query.get("page", 1)) - 1) * CAP
        return web.json_response({"data": {"customers": listed[start : start + CAP]}, "meta": {"total": len(listed)}})

    async def offset(self, request: web.Request) -> web.Response:
        listed, start = self.listed(request), int(request.query.get("offset", 0))
        return web.json_response({"data": {"customers": listed[start : start + CAP]}, "meta": {"total": len(listed)}})

    async def cursor(self, request: web.Request) -> web.Response:
        after = int(request.query.get("after", 0))
        rest = [customer for customer in self.listed(request) if customer["id"] > after]
        more = {"next": str(rest[CAP - 1]["id"])} if len(rest) > CAP else {}
        return web.json_response({"edges": [{"node": customer} for customer in rest[:CAP]], "page": more})

    async def link(self, request: web.Request) -> web.Response:
        number = int(request.query.get("page", 1))
        listed = self.listed(request)
        more = number * CAP < len(listed)
        links = f'<{request.path}?page={number + 1}>; rel="next", <{request.path}?page=1>; rel="first"'
        return web.json_response(listed[(number - 1) * CAP : number * CAP], headers={"Link": links} if more else {})

    async def next(self, request: web.Request) -> web.Response:
        number = int(request.query.get("page", 1))
        listed = self.listed(request)
        more = f"/next?page={number + 1}" if number * CAP < len(listed) else None
        return web.json_response({"results": listed[(number - 1) * CAP : number * CAP], "next": more})

    async def one(self, request: web.Request) -> web.Response:
        found = [customer for customer in self.customers if str(customer["id"]) == request.query["id"]]
        return web.json_response({"customer": found[0]}) if found else web.json_response({"error": "not found"}, status=404)

    async def token(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        self.tokens.append(f"token-{len(self.tokens) + 1}")
        return web.json_response({"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 3600})

    def leaves(self, id: int) -> None:
        self.customers = [customer for customer in self.customers if customer["id"] != id]

    def comes(self, id: int) -> None:
        self.customers.insert(0, someone(id))


def someone(id: int, name: str = "", minute: int | None = None) -> dict[str, Any]:
    moment = f"2026-09-01T10:{id % 60 if minute is None else minute:02}:00Z"
    return {"id": id, "name": name or f"Customer {id}", "updated_at": moment, "address": {"city": "Perth", "lines": ["1", "2"]}}


def said(tree: Any = None, **more: Any) -> Callable[[], web.Response]:
    """One answer, as often as it is given."""
    return lambda: web.Response(**more) if "text" in more else web.json_response(tree, **more)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
async def ground(shop: Shop) -> AsyncIterator["Ground"]:
    from sync.wire import open_wire

    app = web.Application()
    app.router.add_route("*", "/{kind}", shop.answer)
    async with TestServer(app) as server, open_wire() as wire:
        made = Ground(str(server.make_url("/")), wire)
        yield made
        for source in made.opened:
            await source.close()


class Ground:
    """Sources of that API."""

    def __init__(self, url: str, wire: Any) -> None:
        self.url = url
        self.wire = wire
        self.opened: list[Http] = []
        self.policy = NEVER_MIND

    def source(self, listing: Api, signing: Signing | None = None, **policy: Any) -> Http:
        redactor = Redactor()
        redactor.learn([SECRET])
        lane = Lane("shop", self.policy, Standing(), asyncio.Event())
        speaker = Speaker(signing or Headers(), lane, self.wire, redactor)
        self.opened.append(Http(listing, Asker("sources.shop", speaker), HttpPolicy("sources.shop", **policy), b"k" * 32))
        return self.opened[-1]

    def api(self, kind: str, **more: Any) -> Api:
        items, paging = KINDS[kind]
        total = {"total": parse("meta.total")} if kind in {"page", "offset"} else {}
        return Api(self.url + kind, "id", **({"items": parse(items), "paging": paging} | total | more))


KINDS: dict[str, tuple[str, Paging]] = {
    "whole": ("", Whole()),
    "page": ("data.customers", Numbered("page", size=("per_page", 100))),
    "offset": ("$.data.customers", Offset("offset", size=("limit", 100))),
    "cursor": ("edges[*].node", Cursor("after", parse("page.next"))),
    "link": ("", Link()),
    "next": ("results", NextUrl(parse("next"))),
}
SHIFTING: dict[str, dict[str, Any]] = {
    "page": {"total": None},
    "offset": {"total": None},
    "link": {},
    "next": {},
    "page, total told": {},
    "offset, total told": {},
}
EVERY = [str(number) for number in range(1, 11)]


async def keys(source: Http, cursor: object = None) -> list[str]:
    return [key async for page in source.changed(cursor) for key, _ in page.rows]


async def fresh(source: Http, store: Memory) -> list[str]:
    """Who waits after one more look at the source, and does not wait any more then."""
    await detect(Stream("shop", source, "", ["rpm"]), store)
    pending = await store.pending("rpm", "", 9999)
    await store.drop("rpm", pending)
    return [waiting.customer for waiting in pending]


async def cursor_of(store: Memory) -> object:
    kept = await store.cursor("shop")
    return kept[1] if isinstance(kept, list) else None


# ---- everybody, whatever way it pages


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("kind", KINDS)
async def test_everybody_comes_once(ground: Ground, kind: str, told: bool) -> None:
    listing = ground.api(kind) if told else ground.api(kind, total=None)
    assert sorted(await keys(ground.source(listing)), key=int) == EVERY


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1, CAP, CAP + 1])
async def test_a_list_of_any_length_is_read_to_its_end(ground: Ground, shop: Shop, kind: str, size: int) -> None:
    shop.customers = shop.customers[:size]
    for listing in (ground.api(kind), ground.api(kind, total=None)):
        assert await keys(ground.source(listing)) == EVERY[:size]


async def test_a_page_that_is_smaller_than_asked_for_is_not_taken_for_the_last(ground: Ground, shop: Shop) -> None:
    """The API caps a page of 100 at five."""
    assert len(await keys(ground.source(ground.api("page", total=None)))) == 10
    assert shop.asked[0] == "/page?page=1&per_page=100"


async def test_values_are_by_dotted_name_and_exact(ground: Ground, shop: Shop) -> None:
    shop.faults = [said(text='[{"id": 7.0, "credit": 12.50, "long": 123456789012345678901, "a": {"b": null, "c": [1]}}]')]
    source = ground.source(ground.api("whole"))
    await keys(source)
    [customer] = await source.fetch(["7"])
    assert customer.values == {
        "id": Decimal("7.0"),
        "credit": Decimal("12.50"),
        "long": 123456789012345678901,
        "a.b": None,
        "a.c": [1],
    }


async def test_the_fields_are_what_the_first_customers_show_and_what_is_said_of_the_others(ground: Ground) -> None:
    found = await ground.source(ground.api("page"), optional=("fax",)).fields()
    assert found == {
        "fax": "unknown",
        "id": "number",
        "name": "text",
        "updated_at": "text",
        "address.city": "text",
        "address.lines": "list",
    }


async def test_a_look_at_the_first_page_tells_how_far_the_cursor_reaches_and_shows_some_customers(
    ground: Ground, shop: Shop
) -> None:
    shop.customers[0]["updated_at"] = None
    source = ground.source(narrowed(ground))
    found = await survey(source, "updated_at", {})
    assert found.span == Span("2026-09-01T10:02:00Z", "2026-09-01T10:05:00Z", among=CAP)
    assert [customer.values["name"] for customer in found.sample] == ["Customer 1", "Customer 2", "Customer 3"]
    assert (found.rows, shop.asked) == (10, ["/page?page=1&per_page=100"])


async def test_a_look_at_a_list_of_one_page_tells_of_all(ground: Ground) -> None:
    found = await survey(ground.source(narrowed(ground, "whole")), "updated_at", {})
    assert found.span == Span("2026-09-01T10:01:00Z", "2026-09-01T10:10:00Z", among=None)


async def test_a_look_at_a_list_that_shows_too_little_reads_some_customers(ground: Ground, shop: Shop) -> None:
    single = Single(ground.url + "one?id={key}", parse("customer"))
    found = await survey(ground.source(ground.api("page", single=single, whole=False)), None, {})
    assert [customer.values["address.city"] for customer in found.sample] == ["Perth"] * 3
    assert (found.span, sorted(shop.asked[1:])) == (None, ["/one?id=1", "/one?id=2", "/one?id=3"])


async def test_nobody_knows_the_fields_of_an_api_without_customers(ground: Ground, shop: Shop) -> None:
    shop.customers = []
    assert await ground.source(ground.api("page"), optional=("fax",)).fields() == {}


async def test_there_are_as_many_as_the_api_says_or_nobody_knows(ground: Ground) -> None:
    assert await ground.source(ground.api("page")).count() == 10
    assert await ground.source(ground.api("link")).count() is None


# ---- a list that changes while it is read


@pytest.mark.parametrize("kind", SHIFTING)
@pytest.mark.parametrize("left", [1, 4, 5])
async def test_nobody_slips_through_when_a_customer_of_a_page_already_read_leaves(
    ground: Ground, shop: Shop, kind: str, left: int
) -> None:
    shop.then = {1: lambda: shop.leaves(left)}
    found = await keys(ground.source(ground.api(kind.split(",", 1)[0], **SHIFTING[kind])))
    assert sorted(set(found), key=int) == EVERY


async def test_nobody_slips_through_when_a_whole_page_leaves(ground: Ground, shop: Shop) -> None:
    def all_leave() -> None:
        shop.customers = shop.customers[CAP:]

    shop.then = {1: all_leave}
    assert sorted(await keys(ground.source(ground.api("offset"))), key=int) == EVERY


@pytest.mark.parametrize("kind", ["page", "offset", "link", "next"])
async def test_who_comes_twice_because_pages_shift_is_told_once(ground: Ground, shop: Shop, kind: str) -> None:
    shop.then = {1: lambda: shop.comes(0)}
    found = await keys(ground.source(ground.api(kind)))
    assert len(found) == len(set(found))
    assert set(found) >= set(EVERY)


async def test_of_two_sights_of_one_customer_the_newer_counts(ground: Ground, shop: Shop) -> None:
    def moves() -> None:
        shop.customers[CAP - 1]["name"] = "Bo"
        shop.comes(0)

    shop.then = {1: moves}
    source = ground.source(ground.api("page"))
    rows = [row async for page in source.changed(None) for row in page.rows]
    [customer] = await source.fetch(["5"])
    assert customer.values["name"] == "Bo"
    assert [digest for key, digest in rows if key == "5"][-1] == customer.digest


async def test_a_list_that_never_holds_still_is_not_taken_for_the_whole(ground: Ground, shop: Shop) -> None:
    numbers = iter(range(100, 1000))
    shop.then = dict.fromkeys(range(999), lambda: shop.comes(next(numbers)))
    with pytest.raises(SourceError, match=r"^sources\.shop: the list keeps shifting, 4 times over"):
        await keys(ground.source(ground.api("link")))


async def test_fewer_than_told_are_not_taken_for_the_whole(ground: Ground, shop: Shop) -> None:
    few = said({"data": {"customers": shop.customers[:2]}, "meta": {"total": 10}})
    listing = ground.api("page", paging=Whole())
    shop.faults = [few] * 9
    source, store = ground.source(listing), Memory()
    with pytest.raises(SourceError, match=r"said to have 10 customers and shows 2"):
        await fresh(source, store)


@pytest.mark.parametrize("kind", ["page", "offset"])
async def test_an_api_that_does_not_know_its_paging_parameter_is_not_read_for_ever(ground: Ground, shop: Shop, kind: str) -> None:
    listing = replace(ground.api(kind, total=None), url=ground.url + "page", paging=KINDS[kind][1].__class__("pagina"))
    with pytest.raises(SourceError, match="repeats itself"):
        await keys(ground.source(listing))
    assert len(shop.asked) < 30


async def test_rows_without_a_key_are_counted_and_the_others_taken(ground: Ground, shop: Shop) -> None:
    shop.customers[2]["id"] = None
    pages = [page async for page in ground.source(ground.api("page")).changed(None)]
    assert (sum(page.keyless for page in pages), sum(len(page.rows) for page in pages)) == (1, 9)


# ---- who has changed


def narrowed(ground: Ground, kind: str = "page", **more: Any) -> Api:
    return ground.api(kind, narrowing=Narrowing("since"), **({"cursor": "updated_at"} | more))


async def test_only_who_changed_is_asked_for_and_nobody_else_is_filed(ground: Ground, shop: Shop) -> None:
    store, source = Memory(), ground.source(narrowed(ground), overlap=timedelta(minutes=2))
    assert len(await fresh(source, store)) == 10
    assert await cursor_of(store) == "2026-09-01T10:10:00Z"
    shop.customers[0] |= {"name": "Ann", "updated_at": "2026-09-01T10:11:00Z"}
    shop.asked = []
    assert await fresh(source, store) == ["1"]
    assert shop.asked == ["/page?since=2026-09-01T10:08:00Z&page=1&per_page=100"]
    assert await cursor_of(store) == "2026-09-01T10:11:00Z"


async def test_who_was_written_late_is_found_within_the_overlap(ground: Ground, shop: Shop) -> None:
    store, source = Memory(), ground.source(narrowed(ground), overlap=timedelta(minutes=5))
    await fresh(source, store)
    shop.customers += [someone(11, minute=5), someone(12, minute=4)]
    assert await fresh(source, store) == ["11"]


async def test_without_a_field_that_grows_the_cursor_is_when_the_reading_began_by_the_clock_of_the_api(
    ground: Ground, shop: Shop
) -> None:
    store, source = Memory(), ground.source(narrowed(ground, "whole", cursor=None), overlap=timedelta(hours=1))
    shop.faults = [said(shop.customers, headers={"Date": "Tue, 01 Sep 2026 12:00:00 GMT"})]
    await fresh(source, store)
    assert await cursor_of(store) == "2026-09-01T12:00:00Z"
    await fresh(source, store)
    assert shop.asked[-1] == "/whole?since=2026-09-01T11:00:00Z"


async def test_the_cursor_does_not_pass_what_may_have_changed_while_the_list_was_read(ground: Ground, shop: Shop) -> None:
    """The list is read for an hour; customer 9 changes after its page has been read, and customer 10 after that."""
    dates = ("Tue, 01 Sep 2026 10:00:00 GMT", "Tue, 01 Sep 2026 11:00:00 GMT")
    pages = shop.customers[:5], [*shop.customers[5:9], someone(10, minute=59)]
    shop.faults = [
        said({"data": {"customers": page}, "meta": {"total": 10}}, headers={"Date": date})
        for page, date in zip(pages, dates, strict=True)
    ]
    store = Memory()
    await fresh(ground.source(narrowed(ground), overlap=timedelta(0)), store)
    assert await cursor_of(store) == "2026-09-01T09:59:00Z"


async def test_a_time_from_the_future_does_not_move_the_cursor(ground: Ground, shop: Shop) -> None:
    shop.customers[0]["updated_at"] = "2999-01-01T00:00:00Z"
    store = Memory()
    await fresh(ground.source(narrowed(ground)), store)
    assert await cursor_of(store) == "2026-09-01T10:10:00Z"


async def test_a_full_list_is_compared_by_content(ground: Ground, shop: Shop) -> None:
    store, source = Memory(), ground.source(ground.api("page"))
    assert len(await fresh(source, store)) == 10
    assert await fresh(source, store) == []
    shop.customers[3]["address"]["city"] = "Hobart"
    assert await fresh(source, store) == ["4"]


# ---- single customers


async def test_whom_the_list_has_shown_nobody_asks_for_again(ground: Ground, shop: Shop) -> None:
    source = ground.source(ground.api("page"))
    await keys(source)
    asked = len(shop.asked)
    assert [customer.values["name"] for customer in await source.fetch(["2", "99"])] == ["Customer 2"]
    assert len(shop.asked) == asked


async def test_whom_a_short_list_has_not_shown_is_asked_for_by_its_own_address(ground: Ground, shop: Shop) -> None:
    single = Single(ground.url + "one?id={key}", parse("customer"))
    source = ground.source(narrowed(ground, single=single), overlap=timedelta(0))
    assert await keys(source, "2026-09-01T10:10:00Z") == ["10"]
    shop.asked = []
    found = await source.fetch(["10", "3", "99"])
    assert sorted(customer.key for customer in found) == ["10", "3"]
    assert sorted(shop.asked) == ["/one?id=3", "/one?id=99"]


async def test_without_such_an_address_the_whole_list_is_read_for_them(ground: Ground) -> None:
    source = ground.source(narrowed(ground), overlap=timedelta(0))
    assert await keys(source, "2026-09-01T10:10:00Z") == ["10"]
    assert [customer.key for customer in await source.fetch(["3", "99"])] == ["3"]


async def called(source: Http) -> list[str]:
    return [key async for page in source.everybody() for key in page]


async def test_everybody_is_called_by_the_list_alone_and_only_if_it_was_not_just_read(ground: Ground, shop: Shop) -> None:
    single = Single(ground.url + "one?id={key}", parse("customer"))
    source = ground.source(narrowed(ground, whole=False, single=single), overlap=timedelta(minutes=2))
    await keys(source)
    shop.asked = []
    assert sorted(await called(source), key=int) == EVERY
    assert shop.asked == []
    await keys(source, "2026-09-01T10:10:00Z")
    shop.asked = []
    shop.customers = shop.customers[1:]
    assert sorted(await called(source), key=int) == EVERY[1:]
    assert {path.partition("?")[0] for path in shop.asked} == {"/page"}


async def test_a_list_that_breaks_off_calls_nobody_to_the_end(ground: Ground, shop: Shop) -> None:
    source = ground.source(narrowed(ground))
    shop.faults = [said(text="no", status=500)] * 99
    with pytest.raises(SourceError):
        await called(source)


async def test_what_was_shown_is_there_while_the_list_is_read_once_more(ground: Ground, shop: Shop) -> None:
    """A service plans the last reading while it does the next one."""
    source = ground.source(ground.api("page"))
    await keys(source)
    pages = source.changed(None)
    await anext(pages)
    asked = len(shop.asked)
    assert [customer.key for customer in await source.fetch(["9"])] == ["9"]
    assert [key async for page in pages for key, _ in page.rows] == ["6", "7", "8", "9", "10"]
    assert len(shop.asked) == asked + 1


async def test_where_a_list_shows_less_than_everything_each_customer_is_read(ground: Ground, shop: Shop) -> None:
    listing = ground.api("page", whole=False, single=Single(ground.url + "one?id={key}", parse("customer")))
    store, source = Memory(), ground.source(listing)
    assert len(await fresh(source, store)) == 10
    assert sum(path.startswith("/one") for path in shop.asked) == 10
    [customer] = await source.fetch(["4"])
    assert customer.values["address.city"] == "Perth"
    assert await fresh(source, store) == []


async def test_a_customer_that_cannot_be_read_is_rejected_alone(ground: Ground, shop: Shop) -> None:
    listing = ground.api("whole", whole=False, single=Single(ground.url + "one?id={key}", parse("customer")))
    shop.customers = shop.customers[:2]
    shop.faults = [None, said({"error": "not for you"}, status=403)]
    ground.policy = replace(NEVER_MIND)
    source = ground.source(listing, concurrency=1)
    assert await keys(source) == ["1", "2"]
    troubles = {customer.key: customer.trouble for customer in await source.fetch(["1", "2"])}
    assert troubles == {"1": "the source does not show it: not for you", "2": ""}


async def test_an_answer_about_somebody_else_is_not_taken(ground: Ground, shop: Shop) -> None:
    source = ground.source(ground.api("page", single=Single(ground.url + "one?id={key}", parse("customer"))))
    shop.faults = [said({"customer": someone(4)})] * 3
    with pytest.raises(SourceError, match="about another customer"):
        await source.fetch(["3"])


# ---- what goes wrong


async def test_a_failure_half_way_that_passes_is_read_past(ground: Ground, shop: Shop) -> None:
    shop.faults = [None, said(text="", status=503), said(text="", status=500)]
    assert sorted(await keys(ground.source(ground.api("page"))), key=int) == EVERY


async def test_a_failure_that_stays_keeps_the_cursor_and_nothing_past_it_is_filed(ground: Ground, shop: Shop) -> None:
    store, source = Memory(), ground.source(narrowed(ground))
    shop.faults = [None, *[said({"message": f"boom {SECRET}"}, status=500)] * 9]
    with pytest.raises(SourceError, match=r"^sources\.shop: 500 Internal Server Error: boom \*\*\*$"):
        await fresh(source, store)
    assert await cursor_of(store) is None
    assert [waiting.customer for waiting in await store.pending("rpm", "", 99)] == ["1", "2", "3", "4", "5"]
    shop.faults = []
    await fresh(source, store)
    assert await cursor_of(store) == "2026-09-01T10:10:00Z"


async def test_a_429_is_waited_for(ground: Ground, shop: Shop) -> None:
    shop.faults = [None, said(text="", status=429, headers={"Retry-After": "0"})]
    assert len(await keys(ground.source(ground.api("page")))) == 10


WRONG = {
    "an error with 200": (
        said({"error": {"message": "no rights"}}),
        "no data.customers; it says: no rights",
    ),
    "another shape": (said({"data": {"people": [{"id": 1}]}}), "there are lists at data.people"),
    "null for a list": (said({"data": {"customers": None}}), "data.customers is not a list"),
    "nothing": (said(text="", status=204), "204 No Content"),
    "a web page": (said(text="<html><title>Log in</title></html>"), "without JSON: Log in"),
    "half of it": (said(text='{"data": {"customers": [{"id": 1}'), "without JSON: cut off"),
    "no number in JSON": (said(text='{"data": {"customers": [{"id": NaN}]}}'), "without JSON"),
    "no total": (said({"data": {"customers": []}}), "meta.total is no number"),
    "a redirect": (said(text="", status=302, headers={"Location": "http://127.0.0.1:1/"}), "302 Found"),
    "a refusal": (said({"title": "Forbidden", "detail": "plan too small"}, status=403), "plan too small"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_nothing_but_a_list_is_taken_for_a_list(ground: Ground, shop: Shop, wrong: str) -> None:
    answer, words = WRONG[wrong]
    shop.faults = [answer] * 9
    with pytest.raises(SourceError, match=words) as told:
        await keys(ground.source(ground.api("page")))
    assert str(told.value).startswith("sources.shop: ")
    assert shop.asked == ["/page?page=1&per_page=100"] * len(shop.asked)


async def test_a_reply_that_does_not_say_where_the_next_page_is_is_not_taken_for_the_last(ground: Ground, shop: Shop) -> None:
    shop.faults = [said({"edges": []})] * 9
    with pytest.raises(SourceError, match=r"where the next page is cannot be told: there is no page\.next"):
        await keys(ground.source(ground.api("cursor")))


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("next", said({"results": [], "next": "https://elsewhere.example/next"})),
        ("link", said([], headers={"Link": '<//elsewhere.example/link>; rel="next"'})),
    ],
)
async def test_credentials_do_not_follow_to_another_address(
    ground: Ground, shop: Shop, kind: str, answer: Callable[[], web.Response]
) -> None:
    shop.faults = [answer] * 9
    with pytest.raises(SourceError, match="at another address, to which no credentials are sent"):
        await keys(ground.source(ground.api(kind)))


async def test_a_next_page_that_is_this_one_is_not_read_for_ever(ground: Ground, shop: Shop) -> None:
    shop.faults = [said({"edges": [], "page": {"next": "5"}})] * 9
    with pytest.raises(SourceError, match="said to be this one"):
        await keys(ground.source(ground.api("cursor")))


# ---- who asks


@pytest.mark.parametrize(
    ("signing", "seen"),
    [
        (Headers(), ""),
        (Headers((("X-Key", SECRET),)), SECRET),
        (Headers((("Authorization", f"Bearer {SECRET}"),)), f"Bearer {SECRET}"),
        (Headers((basic("me", SECRET),)), "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()),
    ],
)
async def test_every_request_is_signed(ground: Ground, shop: Shop, signing: Signing, seen: str) -> None:
    await keys(ground.source(ground.api("next"), signing))
    assert shop.signed == [seen] * len(shop.asked)
    assert SECRET not in repr(signing)


def credentials(ground: Ground, **more: Any) -> ClientCredentials:
    return ClientCredentials(ground.url + "token", "a b", SecretStr(SECRET), **more)


async def test_client_credentials_are_given_for_a_token_in_a_header_or_in_the_form(ground: Ground, shop: Shop) -> None:
    await keys(ground.source(ground.api("whole"), credentials(ground, scope="customers:read")))
    await keys(ground.source(ground.api("whole"), credentials(ground, in_form=True)))
    given = "Basic " + base64.b64encode(f"a+b:{SECRET}".encode()).decode()
    assert shop.signed == [given, "Bearer token-1", "", "Bearer token-2"]
    assert shop.forms == [
        {"grant_type": "client_credentials", "scope": "customers:read"},
        {"grant_type": "client_credentials", "client_id": "a b", "client_secret": SECRET},
    ]


async def test_a_token_that_is_not_good_any_more_is_asked_for_again_half_way(ground: Ground, shop: Shop) -> None:
    shop.faults = [None, None, said(text="", status=401)]
    assert len(await keys(ground.source(ground.api("page"), credentials(ground)))) == 10
    assert shop.signed[1:] == ["Bearer token-1", "Bearer token-1", shop.signed[0], "Bearer token-2"]


async def test_credentials_that_are_refused_are_told_without_them(ground: Ground, shop: Shop) -> None:
    shop.faults = [said({"error": "invalid_client", "error_description": f"who is {SECRET}?"}, status=401)] * 9
    with pytest.raises(SourceError, match=r"^sources\.shop: credentials refused: who is \*\*\*\?$"):
        await keys(ground.source(ground.api("page"), credentials(ground)))
    assert shop.asked == ["/token"]
