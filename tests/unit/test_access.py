"""Who may in: every route, with and without credentials; forms of others; headers; names; patience."""

import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from sync.app.frontdesk import access
from sync.errors import ConfigError
from sync.service.access.attempts import FREE, Attempts
from sync.service.access.policy import AccessPolicy
from sync.service.access.sessions import LASTS, Sessions
from sync.settings import address, load
from tests.house import RUN, remember, visited, write

TOKEN = "a-token-of-some-length"
SECRETS = f'token = "{TOKEN}"\nusername = "ann"\npassword = "correct horse"'
PAGES = (
    "/",
    "/runs",
    f"/runs/{RUN}",
    f"/runs/{RUN}/report",
    "/out-of-step",
    "/customer?key=1",
    "/plan",
    "/plan/report",
    "/events",
)
FORMS = ("/plan", "/targets/east/pause", "/targets/east/resume", "/targets/east/run", "/retry", "/release", "/logout")
OPEN = ("/login", "/static/dashboard.css", "/static/dashboard.js")
PROBES = ("/healthz", "/readyz", "/metrics")


def basic(username: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{username}:{password}".encode()).decode()}


BEARER = {"Authorization": f"Bearer {TOKEN}"}
WRONG: list[dict[str, str]] = [
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Bearer "},
    {"Authorization": "Basic not-base64"},
    {"Authorization": TOKEN},
    basic("ann", "wrong"),
    basic("bea", "correct horse"),
    basic("", ""),
    {"Cookie": "customer_sync=name.9999999999.1.0000"},
]


@pytest.mark.parametrize("path", [*PAGES, "/metrics", "/nowhere"])
async def test_a_page_is_for_those_who_are_known(path: str, tmp_path: Path) -> None:
    async with visited(tmp_path, SECRETS) as visit:
        await remember(visit.store)
        async with visit.client.get(path) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        async with visit.client.get(path, headers={"Accept": "text/html"}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"].startswith("/login?next=/")) == (303, True)
        for right in (BEARER, basic("ann", "correct horse")):
            async with visit.client.get(path, headers=right) as answer:
                assert answer.status == (404 if path in {"/nowhere", "/plan/report"} else 200)


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
async def test_wrong_credentials_open_nothing(wrong: dict[str, str], tmp_path: Path) -> None:
    async with visited(tmp_path, SECRETS) as visit:
        async with visit.client.get("/", headers=wrong) as answer:
            assert answer.status == 401
        async with visit.client.post("/targets/east/pause", headers=wrong) as answer:
            assert answer.status in {401, 403}
        assert not visit.house.engine.turns["east"].paused


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_is_for_those_who_are_known(path: str, tmp_path: Path) -> None:
    async with visited(tmp_path, SECRETS) as visit:
        async with visit.client.post(path, data={}) as answer:
            assert answer.status == 401
        form = {"target": "east", "gate": "max_updates"}
        async with visit.client.post(path, data=form, headers=BEARER, allow_redirects=False) as answer:
            assert answer.status == 303


@pytest.mark.parametrize("path", OPEN)
async def test_the_way_in_is_open(path: str, tmp_path: Path) -> None:
    async with visited(tmp_path, SECRETS) as visit, visit.client.get(path) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("line", "expected"),
    [("", [200, 200, 401]), ("open = []", [401, 401, 401]), ('open = ["metrics", "healthz"]', [200, 401, 200])],
)
async def test_probes_are_open_as_the_configuration_says(line: str, expected: list[int], tmp_path: Path) -> None:
    async with visited(tmp_path, f"{SECRETS}\n{line}") as visit:
        found = []
        for path in PROBES:
            async with visit.client.get(path) as answer:
                found.append(answer.status)
    assert found == expected


@pytest.mark.parametrize("form", [{"token": TOKEN}, {"username": "ann", "password": "correct horse"}])
async def test_who_logs_in_is_in_until_they_log_out(form: dict[str, str], tmp_path: Path) -> None:
    async with visited(tmp_path, SECRETS) as visit:
        data = form | {"csrf": await visit.token("/login"), "next": "/runs"}
        before = cookie(visit.client)
        async with visit.client.post("/login", data=data, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/runs")
            told = answer.headers["Set-Cookie"]
        assert all(part in told for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
        assert cookie(visit.client) != before
        kept = cookie(visit.client)
        assert "Overview" in await visit.page("/")
        assert await visit.post("/logout") == 303
        async with visit.client.get("/", headers={"Cookie": f"customer_sync={kept}"}) as answer:
            assert answer.status == 401


def cookie(client: Any) -> str:
    return next((one.value for one in client.session.cookie_jar), "")


@pytest.mark.parametrize("form", [{"token": "wrong"}, {"username": "ann", "password": "wrong"}, {}, {"token": ""}])
async def test_a_wrong_log_in_is_told_so(form: dict[str, str], tmp_path: Path) -> None:
    async with visited(tmp_path, SECRETS) as visit:
        data = form | {"csrf": await visit.token("/login")}
        async with visit.client.post("/login", data=data) as answer:
            assert (answer.status, "not known here" in await answer.text()) == (401, True)
        async with visit.client.get("/") as answer:
            assert answer.status == 401


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
async def test_a_log_in_leads_to_no_other_site(place: str, tmp_path: Path) -> None:
    async with visited(tmp_path, SECRETS) as visit:
        data = {"token": TOKEN, "csrf": await visit.token("/login"), "next": place}
        async with visit.client.post("/login", data=data, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("path", [*FORMS, "/login"])
@pytest.mark.parametrize("form", [{}, {"csrf": "wrong"}, {"csrf": "0" * 64}, {"csrf": "ä"}])
async def test_a_form_without_its_token_does_nothing(path: str, form: dict[str, str], tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await visit.page("/")
        async with visit.client.post(path, data=form) as answer:
            assert answer.status == 403
        assert not visit.house.engine.turns["east"].paused


async def test_the_token_of_another_session_is_worth_nothing(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        token = await visit.token()
        visit.client.session.cookie_jar.clear()
        await visit.page("/")
        async with visit.client.post("/targets/east/pause", data={"csrf": token}) as answer:
            assert answer.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_from_another_origin_does_nothing(headers: dict[str, str], tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        data = {"csrf": await visit.token()}
        async with visit.client.post("/targets/east/pause", data=data, headers=headers) as answer:
            assert answer.status == 403
        assert not visit.house.engine.turns["east"].paused
        assert await visit.post("/targets/east/pause") == 303
        assert visit.house.engine.turns["east"].paused


@pytest.mark.parametrize("path", FORMS)
async def test_nothing_is_done_by_a_link(path: str, tmp_path: Path) -> None:
    async with visited(tmp_path) as visit, visit.client.get(path) as answer:
        assert answer.status == (200 if path == "/plan" else 405)


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("localhost:8910", 200), ("[::1]:8910", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421)],
)
async def test_on_this_machine_only_its_own_names_are_answered(host: str, status: int, tmp_path: Path) -> None:
    async with visited(tmp_path) as visit, visit.client.get("/", headers={"Host": host}) as answer:
        assert answer.status == status


async def test_names_in_the_configuration_are_answered_too(tmp_path: Path) -> None:
    told = {"Host": "Sync.Example.com:443"}
    async with visited(tmp_path, 'hosts = ["sync.example.com"]') as visit, visit.client.get("/", headers=told) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/metrics", 421), ("/", 421)])
async def test_a_probe_may_call_the_service_by_its_address_whatever_its_names_are(path: str, status: int, tmp_path: Path) -> None:
    told = {"Host": "10.0.0.7:8910"}
    async with visited(tmp_path, 'hosts = ["sync.example.com"]') as visit, visit.client.get(path, headers=told) as answer:
        assert answer.status == status


@pytest.mark.parametrize("path", ["/", "/login", "/static/dashboard.js", "/healthz", "/nowhere", f"/runs/{RUN}/report"])
async def test_every_answer_keeps_others_out(path: str, tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await remember(visit.store)
        async with visit.client.get(path) as answer:
            found = answer.headers
    policy = found["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert found["X-Frame-Options"] == "DENY"
    assert found["X-Content-Type-Options"] == "nosniff"
    assert found["Referrer-Policy"] == "same-origin"
    assert found["Cache-Control"] == "no-store"
    assert found["Server"] == "customer-sync"


async def test_behind_tls_cookies_go_over_tls_alone(tmp_path: Path) -> None:
    async with visited(tmp_path, f"{SECRETS}\ntls = true") as visit, visit.client.get("/login") as answer:
        told = answer.headers["Set-Cookie"]
        assert told.startswith("__Host-customer_sync=")
        assert "Secure" in told
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_who_guesses_has_to_wait_also_with_the_right_word(tmp_path: Path) -> None:
    async with visited(tmp_path, SECRETS) as visit:
        for _ in range(FREE + 8):  # by then it is more than a minute, so that no machine is too slow
            visit.house.door._attempts.failed("127.0.0.1", time.monotonic())
        async with visit.client.get("/", headers=BEARER) as answer:
            assert (answer.status, int(answer.headers["Retry-After"]) > 1) == (429, True)
        data = {"token": TOKEN, "csrf": await visit.token("/login")}
        async with visit.client.post("/login", data=data) as answer:
            assert (answer.status, "Too many attempts" in await answer.text()) == (429, True)


def test_each_failure_doubles_the_wait_of_its_address_alone() -> None:
    attempts, waits = Attempts(), []
    for _ in range(FREE + 4):
        attempts.failed("10.0.0.1", 100.0)
        waits.append(attempts.wait("10.0.0.1", 100.0))
    assert waits == [0, 0, 1, 2, 4, 8, 16]
    assert attempts.wait("10.0.0.2", 100.0) == 0
    assert attempts.wait("10.0.0.1", 117.0) == 0


def test_many_addresses_wait_for_each_other_but_who_was_in_before_does_not() -> None:
    attempts = Attempts()
    attempts.succeeded("10.1.1.1")
    for number in range(100):
        attempts.failed(f"10.0.0.{number}", 100.0)
    assert attempts.wait("192.0.2.1", 100.0) == 240
    assert attempts.wait("10.1.1.1", 100.0) == 0
    assert attempts.wait("192.0.2.1", 400.0) == 0


def test_a_network_of_ipv6_is_one_address() -> None:
    attempts = Attempts()
    for number in range(5):
        attempts.failed(f"2001:db8::{number}", 100.0)
    assert attempts.wait("2001:db8::ffff", 100.0) == 4
    assert attempts.wait("2001:db8:0:1::1", 100.0) == 0


def test_a_session_ends_by_itself_and_with_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(AccessPolicy(token=TOKEN).key(b"key"))
    cookie = sessions.cookie(sessions.begin(member=True))
    assert sessions.read(cookie) is not None
    assert Sessions(AccessPolicy(token=TOKEN).key(b"key")).read(cookie) is not None
    assert Sessions(AccessPolicy(token="another-token-now").key(b"key")).read(cookie) is None
    assert sessions.read(cookie.replace(".1.", ".0.")) is None
    later = time.time() + LASTS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert sessions.read(cookie) is None


@pytest.mark.parametrize("place", ["0.0.0.0:8910", "[::]:8910", "192.0.2.1:8910", "sync.example.com:8910"])
def test_where_others_can_reach_it_nobody_is_let_in_unknown(place: str, tmp_path: Path) -> None:
    config = write(tmp_path, "")
    with pytest.raises(ConfigError) as told:
        access(load(config), address(place))
    assert str(told.value).count("\n") == 0
    assert "set token, or username and password, or listen on 127.0.0.1" in str(told.value)


@pytest.mark.parametrize("line", [f'token = "{TOKEN}"', 'username = "ann"\npassword = "correct horse"'])
def test_with_credentials_it_may_listen_anywhere(line: str, tmp_path: Path) -> None:
    assert access(load(write(tmp_path, line)), address("0.0.0.0:8910")).guarded


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('token = "short"', "service.token: "),
        ('username = "ann"', "service: username and password belong together"),
        ('password = "correct horse"', "service: username and password belong together"),
        ('username = "a:b"\npassword = "correct horse"', "service.username: "),
        ('token = { env = "NOT_SET_AT_ALL" }', "service.token: the environment variable NOT_SET_AT_ALL is not set"),
        ('open = ["everything"]', "service.open.0: "),
    ],
)
def test_half_credentials_are_a_mistake_that_is_not_quoted(line: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, line))
    assert told in str(error.value)
    assert "correct horse" not in str(error.value)
