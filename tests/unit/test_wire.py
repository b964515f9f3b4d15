"""Request -> Reply."""

import asyncio
import gzip
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses

from sync.errors import Broken, NotSent
from sync.model import Request, Secret
from sync.wire import LARGEST_REPLY, Wire, open_wire

URL = "https://vendor.example/Customers/4711"
SECONDS = 5.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with open_wire() as opened:
        yield opened


@asynccontextmanager
async def vendor(handler: Handler) -> AsyncIterator[str]:
    """A real server; yields its URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@asynccontextmanager
async def peer(talk: Peer) -> AsyncIterator[str]:
    """Whoever speaks on a socket as it likes; yields its URL."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def request_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")), 0)
    return head + await reader.readexactly(length)


# ---- what is sent, what is answered


async def test_a_reply_is_a_status_headers_in_lower_case_the_bytes_and_the_moment(wire: Wire) -> None:
    with aioresponses() as vendors:
        vendors.put(URL, status=429, body=b"slow down", headers={"Retry-After": "7"})
        before = datetime.now(UTC)
        reply = await wire.send(Request("PUT", URL, {"Name": "Jo"}), seconds=SECONDS)
    assert (reply.status, reply.headers["retry-after"], reply.body) == (429, "7", b"slow down")
    assert before <= reply.at <= datetime.now(UTC)


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 404, 500, 503])
async def test_a_status_is_an_answer_and_no_error(wire: Wire, status: int) -> None:
    with aioresponses() as vendors:
        vendors.patch(URL, status=status)
        assert (await wire.send(Request("PATCH", URL, {}), seconds=SECONDS)).status == status


async def test_the_request_reaches_the_vendor_as_it_was_planned_with_its_secrets(wire: Wire) -> None:
    seen: list[tuple[str, str, bytes, dict[str, str]]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, await request.read(), {k.lower(): v for k, v in request.headers.items()}))
        return web.Response()

    body = {"Name": "O'Brien \u00e4\u2028", "Credit": Decimal("1.50"), "Password": Secret("f", "hunter2"), "None": None}
    async with vendor(handler) as url:
        request = Request("PUT", url + "Customers/a%2Fb?x=1", body, (("Authorization", "Bearer t"),))
        await wire.send(request, seconds=SECONDS)
    ((method, path, content, headers),) = seen
    assert (method, path, content) == ("PUT", "/Customers/a%2Fb?x=1", request.content(reveal=True))
    assert content == '{"Name":"O\'Brien \u00e4\u2028","Credit":1.50,"Password":"hunter2","None":null}'.encode()
    assert (headers["authorization"], headers["content-type"], headers["accept"]) == (
        "Bearer t", "application/json", "application/json",
    )  # fmt: skip
    assert headers["user-agent"].startswith("customer-sync/")


async def test_a_request_without_a_body_has_no_content_type(wire: Wire) -> None:
    seen: list[dict[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append({name.lower(): value for name, value in request.headers.items()})
        return web.Response()

    async with vendor(handler) as url:
        await wire.send(Request("GET", url), seconds=SECONDS)
    assert "content-type" not in seen[0]


async def test_a_redirect_is_an_answer_and_not_followed(wire: Wire) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with vendor(handler) as url:
        reply = await wire.send(Request("PUT", url + "here", {}), seconds=SECONDS)
    assert (reply.status, reply.headers["location"], asked) == (302, "/elsewhere", ["/here"])


async def test_cookies_are_not_kept(wire: Wire) -> None:
    cookies: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "session=1; Path=/"})

    async with vendor(handler) as url:
        for _ in range(2):
            await wire.send(Request("GET", url.replace("127.0.0.1", "localhost")), seconds=SECONDS)
    assert cookies == [None, None]


async def test_a_connection_is_kept_for_the_next_request(wire: Wire) -> None:
    peers: list[object] = []

    async def handler(request: web.Request) -> web.Response:
        assert request.transport
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(body=b"x" * 1000)

    async with vendor(handler) as url:
        for _ in range(3):
            await wire.send(Request("PUT", url, {}), seconds=SECONDS)
    assert len(set(peers)) == 1


async def test_as_many_requests_are_under_way_at_once_as_are_asked_for(wire: Wire) -> None:
    everybody = asyncio.Barrier(150)

    async def handler(_request: web.Request) -> web.Response:
        await everybody.wait()
        return web.Response()

    async with vendor(handler) as url, asyncio.TaskGroup() as group:
        for _ in range(150):
            group.create_task(wire.send(Request("PUT", url, {}), seconds=30))


async def test_bytes_that_are_no_text_are_passed_on(wire: Wire) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=b"\xff\xfe caf\xe9", content_type="application/json", charset="utf-8")

    async with vendor(handler) as url:
        assert (await wire.send(Request("GET", url), seconds=SECONDS)).body == b"\xff\xfe caf\xe9"


async def test_headers_that_are_no_text_are_no_error(wire: Wire) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with peer(talk) as url:
        assert (await wire.send(Request("GET", url), seconds=SECONDS)).body == b"ok"


async def test_fifty_megabytes_are_cut_off(wire: Wire) -> None:
    pieces: list[int] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(50):
            await response.write(b"x" * (1 << 20))
            pieces.append(number)
        return response

    async with vendor(handler) as url:
        reply = await wire.send(Request("GET", url), seconds=60.0)
    assert (reply.status, len(reply.body)) == (200, LARGEST_REPLY)
    assert len(pieces) < 50


async def test_fifty_packed_megabytes_are_cut_off_unpacked(wire: Wire) -> None:
    packed = gzip.compress(b"x" * (50 << 20), 1)

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with vendor(handler) as url:
        reply = await wire.send(Request("GET", url), seconds=60.0)
    assert reply.body == b"x" * LARGEST_REPLY


async def test_the_largest_reply_is_whole(wire: Wire) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * LARGEST_REPLY)

    async with vendor(handler) as url:
        assert len((await wire.send(Request("GET", url), seconds=60.0)).body) == LARGEST_REPLY


# ---- when a request counts as written


async def test_a_request_is_written_once_it_leaves_and_before_the_answer(wire: Wire) -> None:
    story: list[str] = []

    async def handler(_request: web.Request) -> web.Response:
        story.append("arrived")
        return web.Response()

    async with vendor(handler) as url:
        await wire.send(Request("PUT", url, {}), seconds=SECONDS, written=lambda: story.append("written"))
    assert story == ["written", "arrived"]


async def test_a_request_without_a_connection_is_never_written(wire: Wire) -> None:
    written: list[int] = []
    with pytest.raises(NotSent):
        await wire.send(Request("PUT", closed_port(), {}), seconds=SECONDS, written=lambda: written.append(1))
    assert written == []


# ---- no connection: the vendor has seen nothing


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


async def test_a_refused_connection_is_not_sent(wire: Wire) -> None:
    with pytest.raises(NotSent, match=r"^no connection: nobody listens at 127\.0\.0\.1:\d+$"):
        await wire.send(Request("PUT", closed_port(), {}), seconds=SECONDS)


async def test_a_name_that_is_not_known_is_not_sent(wire: Wire) -> None:
    with pytest.raises(NotSent, match=r"^no connection: "):
        await wire.send(Request("PUT", "https://no-such-vendor.invalid/", {}), seconds=SECONDS)


@pytest.mark.parametrize(
    "url", ["", "vendor.example/Customers", "ftp://vendor.example/", "https://", "http://[::1", "http://x:port/"]
)
async def test_an_address_that_is_none_is_not_sent(wire: Wire, url: str) -> None:
    with pytest.raises(NotSent, match=r"^no connection: "):
        await wire.send(Request("PUT", url, {}), seconds=SECONDS)


async def test_a_header_that_cannot_be_sent_is_not_sent_and_not_quoted(wire: Wire) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response()

    async with vendor(handler) as url:
        with pytest.raises(NotSent) as wrong:
            await wire.send(Request("PUT", url, {}, (("RpmApiKey", "hunter2\nx"),)), seconds=SECONDS)
    assert "hunter2" not in str(wrong.value)


async def test_tls_that_fails_is_not_sent(wire: Wire) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"this is no TLS")
        writer.close()

    async with peer(talk) as url:
        with pytest.raises(NotSent):
            await wire.send(Request("PUT", url.replace("http:", "https:"), {}), seconds=SECONDS)


async def test_a_connection_that_is_not_made_in_time_is_not_sent(wire: Wire) -> None:
    """However short the time is: a listener whose queue is full answers nobody."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = []
        try:
            for _ in range(3):
                caller = socket.socket()
                caller.setblocking(False)
                caller.connect_ex(deaf.getsockname())
                waiting.append(caller)
            await asyncio.sleep(0.05)
            for seconds in (0.2, 0.5):
                with pytest.raises(NotSent, match=rf"^no connection: none within {seconds} s$"):
                    await wire.send(Request("PUT", f"http://127.0.0.1:{deaf.getsockname()[1]}/", {}), seconds=seconds)
        finally:
            for caller in waiting:
                caller.close()


# ---- a broken one: it may have seen everything


async def test_no_answer_in_time_may_have_been_applied(wire: Wire) -> None:
    async def handler(_request: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response()

    async with vendor(handler) as url:
        with pytest.raises(Broken, match=r"^no answer within 0\.2 s$"):
            await wire.send(Request("PUT", url, {}), seconds=0.2)


async def test_an_answer_that_does_not_end_in_time_may_have_been_applied(wire: Wire) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"x")
        await asyncio.sleep(1)
        return response

    async with vendor(handler) as url:
        with pytest.raises(Broken):
            await wire.send(Request("PUT", url, {}), seconds=0.3)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf",
        b"this is no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000,
    ],
    ids=["closed", "half a head", "half a body", "half a chunk", "not gzip", "not HTTP", "endless head"],
)
async def test_a_connection_that_breaks_after_the_request_may_have_been_applied(wire: Wire, answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with peer(talk) as url:
        with pytest.raises(Broken, match=r"^the connection broke: (?!.*(400|Error))"):
            await wire.send(Request("PUT", url, {"Name": "Jo"}), seconds=SECONDS)


FIRST_LINES = (
    *(
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 200",
        b"HTTP/2 200",
        b"HTTP/1.1 99 x",
        b"HTTP/1.1 1000 x",
        b"HTTP/1.1 204 No",
        b"ICY 200 OK",
    ),
    *(b"HTTP/1.1 101 Upgrade\r\nUpgrade: x", b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK", b"HTTP/1.1 \xff OK", b"nonsense", b""),
)
HEADS = (
    *(b"Content-Length: 5", b"Content-Length: -5", b"Content-Length: x", b"Content-Length: 5\r\nContent-Length: 6"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", b"Content-Encoding: gzip", b"Content-Encoding: br"),
    *(b"Content-Encoding: \xff", b"Content-Type: \xff", b"Set-Cookie: a=b; expires=\xff", b"Link: <\xff>\r\nLink: "),
    *(b"Location: http://[::1", b"X: " + b"y" * 9000, b"X\x00Y: z", b": z"),
)
BODIES = (
    *(b"", b"hello", b"\xff" * 99, gzip.compress(b"hello")[:-4]),
    *(b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\nx", b"-5\r\nx", b"5\r\nhelloX"),
)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_written_back_is_a_reply_or_broken_and_never_as_if_nothing_had_been_sent(wire: Wire, seed: int) -> None:
    dice, answers = random.Random(seed), list[bytes]()
    for _ in range(50):
        head = [dice.choice(FIRST_LINES), *dice.sample(HEADS, dice.randrange(4))]
        answers.append(b"\r\n".join(head) + dice.choice((b"\r\n\r\n", b"\r\n\r\n", b"")) + dice.choice(BODIES))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answers[-1])
        await writer.drain()
        writer.close()

    async with peer(talk) as url:
        while answers:
            with suppress(Broken):
                await wire.send(Request("PUT", url, {"Name": "Jo"}), seconds=SECONDS)
            answers.pop()


async def test_a_kept_connection_that_the_vendor_closes_does_not_make_a_put_go_out_twice(wire: Wire) -> None:
    arrived: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        arrived.append(len(arrived))
        if len(arrived) == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
            await request_of(reader)
            arrived.append(len(arrived))
        writer.close()

    async with peer(talk) as url:
        await wire.send(Request("PUT", url, {}), seconds=SECONDS)
        with pytest.raises(Broken):
            await wire.send(Request("PUT", url, {}), seconds=SECONDS)
        await asyncio.sleep(0.05)
    assert arrived == [0, 1]


async def test_a_wire_that_is_cancelled_lets_go_of_its_connection(wire: Wire) -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        arrived.set()
        await reader.read()
        gone.set()
        writer.close()

    async with peer(talk) as url:
        sending = asyncio.create_task(wire.send(Request("PUT", url, {}), seconds=SECONDS))
        await asyncio.wait_for(arrived.wait(), 5)
        sending.cancel()
        await asyncio.wait_for(gone.wait(), 5)
        with pytest.raises(asyncio.CancelledError):
            await sending
