"""A reply -> what HTTP itself says of it, for every vendor alike. Pure."""

import html
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import SecretStr

from sync.errors import FieldError, Refused, SignInAgain, StopAccount, TryAgain, Unclear, VendorError, Wait
from sync.model import Reply, Request, Secret, Token

NOT_APPLIED = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
LONGEST_REASON = 500
LONGEST_INTEGER = 1000
"""Digits, with the zeros before it; Python refuses to read much longer ones."""
LONGEST_WAIT = 10**9
"""Seconds; more is no time that a vendor means, and would overflow a date."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def tree(reply: Reply) -> dict[str, Any] | None:
    """The reply's JSON object; None if it is anything else (HTML, a list, nothing, bytes that are not UTF-8)."""
    parsed = _parsed(reply)
    return parsed if isinstance(parsed, dict) else None


def exact(reply: Reply) -> object:
    """The reply's JSON with every number as it is written (Decimal, or int of any length). Raises Unclear if it is none."""
    try:
        return json.loads(reply.body.removeprefix(BYTE_ORDER_MARK), parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        words = text(reply) if is_page(reply) else "cut off, perhaps: longer lists have to come in pages"
        raise Unclear(f"{phrase(reply)} without JSON: {words or 'a web page'}") from None


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of an object by dotted name; a list stays one value, and so does an object without members."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def date(reply: Reply) -> datetime:
    """The moment of the reply by the clock of whoever sent it, aware UTC; by ours where it does not say."""
    try:
        moment = parsedate_to_datetime(reply.headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return reply.at
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def text(reply: Reply) -> str:
    """The words of a reply that is no JSON object: plain text, a JSON string, the title of an HTML page; may be empty."""
    parsed = _parsed(reply)
    if parsed is not None:
        return quoted(parsed) if isinstance(parsed, str) else ""
    words = reply.body.removeprefix(BYTE_ORDER_MARK).decode(errors="replace")
    if not is_page(reply):
        return quoted(words)
    title = re.search(r"<title[^>]*>([^<]*)<", words, re.IGNORECASE)
    return quoted(html.unescape(title[1])) if title else ""


def is_page(reply: Reply) -> bool:
    """Whether the body is HTML or XML, which no vendor's API speaks: a gateway, a login page or maintenance does."""
    return reply.body.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"<")


def is_nonsense(reply: Reply) -> bool:
    """Whether the body is neither empty, nor JSON, nor a few words: no text, JSON that is cut off, or far too much."""
    body = reply.body.removeprefix(BYTE_ORDER_MARK).strip()
    if not body or _parsed(reply) is not None or body == b"null":
        return False
    return len(body) > LONGEST_REASON or body[:1] in b'{["' or "\ufffd" in body.decode(errors="replace")


def _parsed(reply: Reply) -> object:
    try:
        return orjson.loads(reply.body.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        return None


def retry_after(reply: Reply) -> datetime | None:
    """The moment that `Retry-After` names (a date, or seconds, by some with parts), as aware UTC; None if it names none."""
    value = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", value):
        return reply.at + timedelta(seconds=min(float(value[:12]), LONGEST_WAIT))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def quoted(text: object) -> str:
    """A vendor's own words: one line, not too long, nothing unprintable."""
    line = " ".join(str(text).split())
    return "".join(character for character in line if character.isprintable())[:LONGEST_REASON]


def refused(reply: Reply, reason: str = "", errors: Sequence[FieldError] = ()) -> Refused:
    """Park this customer, with the vendor's words, or the status where it has none."""
    return Refused(quoted(reason) or phrase(reply), errors)


def phrase(reply: Reply) -> str:
    """The status as words: `404 Not Found`."""
    try:
        return f"{reply.status} {HTTPStatus(reply.status).phrase}"
    except ValueError:
        return str(reply.status)


def failure(reply: Reply, reason: str = "", errors: Sequence[FieldError] = ()) -> VendorError:
    """What a status outside 2xx asks for, by RFC 9110; a vendor looks for its own signs first."""
    words = f"{phrase(reply)}: {quoted(reason)}" if reason else phrase(reply)
    until = retry_after(reply)
    error: VendorError = Unclear(f"{words} is no answer to this")
    match reply.status:
        case HTTPStatus.UNAUTHORIZED:
            error = SignInAgain(words)
        case HTTPStatus.TOO_MANY_REQUESTS:
            error = Wait(words, until)
        case HTTPStatus.SERVICE_UNAVAILABLE if until is not None:
            error = Wait(words, until, maybe_applied=True)
        case status if status in NOT_APPLIED:
            error = TryAgain(words, maybe_applied=False)
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            error = TryAgain(words)
        case status if status >= HTTPStatus.BAD_REQUEST:
            error = refused(reply, reason, errors)
    return error


def token(reply: Reply, reason: str = "") -> Token:
    """The token of an OAuth-like answer; `expires_in` (seconds) is counted from when the reply came.

    A sign-in changes no customer: whatever refuses it or makes no sense stops the account, only what passes is tried again.
    """
    answer = tree(reply) or {}
    if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise _no_token(reply, reason)
    access, refresh = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(access, str) or not access.strip():
        raise StopAccount(f"the sign-in was answered without a token: {reason or text(reply) or 'is base_url right?'}")
    return Token(
        access.strip(), _expiry(reply, answer.get("expires_in")), refresh if isinstance(refresh, str) and refresh else None
    )


def _no_token(reply: Reply, reason: str) -> VendorError:
    error = failure(reply, reason)
    if isinstance(error, TryAgain):
        return TryAgain(error.reason, maybe_applied=False)
    return error if isinstance(error, Wait) else StopAccount(f"credentials refused: {quoted(reason) or phrase(reply)}")


def _expiry(reply: Reply, seconds: object) -> datetime | None:
    try:
        lifetime = float(str(seconds))
    except ValueError:
        return None
    return reply.at + timedelta(seconds=min(max(lifetime, 0), LONGEST_WAIT)) if math.isfinite(lifetime) else None


def bearer(request: Request, token: Token | None) -> Request:
    """The request with `Authorization: Bearer`, where there is a token."""
    if token is None:
        return request
    return headed(request, "Authorization", f"Bearer {token.access}")


def headed(request: Request, name: str, value: str) -> Request:
    """The request with one more header."""
    return Request(request.method, request.url, request.body, (*request.headers, (name, value)))


def credential(value: SecretStr) -> Secret:
    """A credential as a leaf of a request's body: sent as it is, shown as `***`."""
    return Secret("credential", value.get_secret_value())


def whole_id(value: object) -> str:
    """An id that is an integer: 4711, "4711" or 4711.0. Raises ValueError, without quoting it, for anything else."""
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        value = int(value)
    text = str(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdigit():
        raise ValueError("the vendor's id has to be a whole number")
    if len(text) > LONGEST_INTEGER or int(text) >= 2**63:
        raise ValueError("the vendor's id has to be a whole number of at most 64 bits")
    return str(int(text))
