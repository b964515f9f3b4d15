"""What HTTP itself says of a reply."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from sync import reading
from sync.errors import Refused, SignInAgain, StopAccount, TryAgain, Unclear, VendorError, Wait
from sync.model import Reply, Request, Token

NOW = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)


def reply(status: int = 200, body: str | bytes = b"", **headers: str) -> Reply:
    content = body.encode() if isinstance(body, str) else body
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content, NOW)


@pytest.mark.parametrize("body", ["", "[1]", '"text"', "null", "<html>", b"\xff\xfe", "{", "[" * 5000])
def test_what_is_no_object_is_no_tree(body: str | bytes) -> None:
    assert reading.tree(reply(body=body)) is None


def test_a_byte_order_mark_is_no_part_of_the_answer() -> None:
    assert reading.tree(reply(body=b'\xef\xbb\xbf{"a": 1}')) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", ""),
        ("Not\n found ", "Not found"),
        ('"Not found"', "Not found"),
        ('{"a": 1}', ""),
        ("[1]", ""),
        ("<html><head><TITLE >502 &amp; more</TITLE></head>", "502 & more"),
        ("<p>", ""),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
def test_the_words_of_a_body_that_is_no_object(body: str | bytes, words: str) -> None:
    assert reading.text(reply(body=body)) == words


def test_a_quote_is_one_printable_line_of_bounded_length() -> None:
    assert reading.quoted("a\n\tb\x1b[31mc") == "a b[31mc"
    assert len(reading.quoted("x" * 9999)) == reading.LONGEST_REASON


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("120", NOW + timedelta(seconds=120)),
        (" 0 ", NOW),
        ("Sun, 22 Nov 2026 23:31:00 GMT", NOW + timedelta(minutes=1)),
        ("Sun, 22 Nov 2026 23:31:00 -0000", NOW + timedelta(minutes=1)),
        ("9" * 400, NOW + timedelta(seconds=reading.LONGEST_WAIT)),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", NOW + timedelta(seconds=1.5)),
        ("²", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, moment: datetime | None) -> None:
    assert reading.retry_after(reply(retry_after=value)) == moment


@given(st.text())
def test_no_retry_after_breaks_anything(value: str) -> None:
    moment = reading.retry_after(reply(retry_after=value))
    assert moment is None or moment.tzinfo is not None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, Unclear),
        (302, Unclear),
        (400, Refused),
        (401, SignInAgain),
        (403, Refused),
        (404, Refused),
        (408, TryAgain),
        (409, Refused),
        (422, Refused),
        (425, TryAgain),
        (429, Wait),
        (499, Refused),
        (500, TryAgain),
        (502, TryAgain),
        (503, TryAgain),
        (504, TryAgain),
        (599, TryAgain),
    ],
)
def test_a_status_asks_for_something(status: int, kind: type[VendorError]) -> None:
    assert type(reading.failure(reply(status))) is kind


def test_a_503_that_names_a_time_waits_until_then() -> None:
    error = reading.failure(reply(503, retry_after="60"))
    assert isinstance(error, Wait)
    assert error.until == NOW + timedelta(seconds=60)


@pytest.mark.parametrize(("status", "maybe"), [(408, False), (425, False), (500, True), (504, True)])
def test_a_server_that_did_not_take_the_request_has_not_applied_it(status: int, maybe: bool) -> None:
    error = reading.failure(reply(status))
    assert isinstance(error, TryAgain)
    assert error.maybe_applied is maybe


def test_a_refusal_has_the_vendor_s_words_or_the_status() -> None:
    assert reading.refused(reply(404), "No\nsuch customer").reason == "No such customer"
    assert reading.refused(reply(404)).reason == "404 Not Found"
    assert reading.refused(reply(799)).reason == "799"


@pytest.mark.parametrize(
    ("seconds", "expires"),
    [
        ("3600", NOW + timedelta(hours=1)),
        ("3600.5", NOW + timedelta(seconds=3600.5)),
        ('"60"', NOW + timedelta(minutes=1)),
        ("0", NOW),
        ("-5", NOW),
        ("1e300", NOW + timedelta(seconds=reading.LONGEST_WAIT)),
        ("null", None),
        ("true", None),
        ('"soon"', None),
        ('"inf"', None),
        ("[1]", None),
    ],
)
def test_a_token_lives_as_long_as_it_says(seconds: str, expires: datetime | None) -> None:
    granted = reading.token(reply(201, f'{{"access_token": "t", "expires_in": {seconds}}}'))
    assert (granted.access, granted.expires) == ("t", expires)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422, 302, 204])
def test_a_refused_sign_in_stops_the_account(status: int) -> None:
    with pytest.raises(StopAccount) as error:
        reading.token(reply(status), "go away")
    assert (error.value.reason, error.value.until) == ("credentials refused: go away", None)


@pytest.mark.parametrize("body", ["", "{}", "<html>", '{"access_token": ""}', '{"access_token": 5}', '{"access_token": null}'])
def test_a_sign_in_without_a_token_stops_the_account(body: str) -> None:
    with pytest.raises(StopAccount):
        reading.token(reply(200, body))


@pytest.mark.parametrize("status", [408, 500, 502, 503])
def test_a_sign_in_that_failed_on_the_way_has_changed_no_customer(status: int) -> None:
    with pytest.raises(TryAgain) as error:
        reading.token(reply(status))
    assert not error.value.maybe_applied


def test_a_token_is_in_no_repr() -> None:
    granted = reading.token(reply(200, '{"access_token": "hush", "refresh_token": "hush"}'))
    assert "hush" not in repr(granted)
    assert granted.refresh == "hush"


def test_a_bearer_goes_with_a_request_where_there_is_a_token() -> None:
    request = Request("GET", "https://x.org", headers=(("A", "1"),))
    assert reading.bearer(request, Token("t")).headers == (("A", "1"), ("Authorization", "Bearer t"))
    assert reading.bearer(request, None) == request


def test_a_credential_is_sent_as_it_is_and_shown_as_stars() -> None:
    request = Request("POST", "https://x.org", {"key": reading.credential(SecretStr('a"b'))})
    assert request.content(reveal=True) == b'{"key":"a\\"b"}'
    assert request.content() == b'{"key":"***"}'
    assert 'a"b' not in repr(request)


@pytest.mark.parametrize("value", [4711, "4711", " 4711 ", 4711.0, Decimal(4711), Decimal("4711.0"), "004711"])
def test_a_whole_id_has_one_spelling(value: object) -> None:
    assert reading.whole_id(value) == "4711"


@pytest.mark.parametrize(
    "value", [None, "", "  ", "cu_1", "47.11", 47.11, -1, "-1", True, float("nan"), Decimal("Infinity"), "٤", "4 7", [4711]]
)
def test_what_is_no_whole_id_is_not_quoted(value: object) -> None:
    with pytest.raises(ValueError, match=r"^the vendor's id has to be a whole number$"):
        reading.whole_id(value)


@pytest.mark.parametrize("value", ["9223372036854775808", 10**30, Decimal("1e30"), 1e300, "9" * 5000])
def test_an_id_that_no_vendor_can_have_given_is_none(value: object) -> None:
    assert reading.whole_id("9223372036854775807") == "9223372036854775807"
    with pytest.raises(ValueError, match=r"^the vendor's id has to be a whole number of at most 64 bits$"):
        reading.whole_id(value)
