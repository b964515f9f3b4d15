"""A reply -> what HTTP itself says of it, for every vendor alike. Pure."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import SecretStr

from sync.errors import FieldError, Refused, SignInAgain, TryAgain, Unclear, VendorError, Wait
from sync.model import Reply, Request, Secret, Token

CREDENTIALS_REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""What a sign-in answers to credentials that it does not take (RFC 6749 names 400 and 401)."""
NOT_APPLIED = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
LONGEST_REASON = 500


def tree(reply: Reply) -> dict[str, Any] | None:
    """The reply's JSON object; None if it is anything else (HTML, a list, nothing, bytes that are not UTF-8)."""
    try:
        parsed = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def retry_after(reply: Reply) -> datetime | None:
    """The moment that `Retry-After` names (RFC 9110, seconds or a date), as aware UTC; None if it names none."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isdigit():
        return reply.at + timedelta(seconds=min(int(value), 10**9))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


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
    match reply.status:
        case HTTPStatus.UNAUTHORIZED:
            return SignInAgain(words)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Wait(words, retry_after(reply))
        case HTTPStatus.SERVICE_UNAVAILABLE if retry_after(reply) is not None:
            return Wait(words, retry_after(reply))
        case status if status in NOT_APPLIED:
            return TryAgain(words, maybe_applied=False)
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return TryAgain(words)
        case status if status >= HTTPStatus.BAD_REQUEST:
            return refused(reply, reason, errors)
        case _:
            return Unclear(f"{words} is no answer to an update")


def token(reply: Reply) -> Token:
    """The token of an OAuth-like answer; `expires_in` (seconds) is counted from when the reply came."""
    answer = tree(reply) or {}
    if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise failure(reply)
    access, seconds, refresh = answer.get("access_token"), answer.get("expires_in"), answer.get("refresh_token")
    if not isinstance(access, str) or not access:
        message = "the sign-in was answered without a token"
        raise Unclear(message)
    expires = reply.at + timedelta(seconds=float(seconds)) if isinstance(seconds, int | float) else None
    return Token(access, expires, refresh if isinstance(refresh, str) else None)


def bearer(request: Request, token: Token | None) -> Request:
    """The request with `Authorization: Bearer`, where there is a token."""
    if token is None:
        return request
    return replace(request, headers=(*request.headers, ("Authorization", f"Bearer {token.access}")))


def credential(value: SecretStr) -> Secret:
    """A credential as a leaf of a request's body: sent as it is, shown as `***`."""
    return Secret("credential", value.get_secret_value())


def whole_id(value: object) -> str:
    """An id that is an integer: 4711, "4711" or 4711.0. Raises ValueError, without quoting it, for anything else."""
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        value = int(value)
    text = str(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdigit():
        message = "the vendor's id has to be a whole number"
        raise ValueError(message)
    return str(int(text))
