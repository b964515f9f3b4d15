"""RPM has no sign-in; whether its key is accepted is seen by a look that changes nothing."""

from datetime import UTC, datetime

import pytest

from sync.errors import StopAccount
from sync.model import Reply, Token
from sync.vendors.rpm import Rpm, RpmAccount


def looked(status: int, body: bytes) -> Token:
    vendor = Rpm(RpmAccount(base_url="https://rpm.example/api2.svc", key="the-key"))
    looking = vendor.sign_in(None)
    request = next(looking)
    assert (request.method, request.url, request.body) == ("POST", "https://rpm.example/api2.svc/Info", {})
    with pytest.raises(StopIteration) as done:
        looking.send(Reply(status, {}, body, datetime.now(UTC)))
    token = done.value.value
    assert isinstance(token, Token)
    return token


@pytest.mark.parametrize(("status", "body"), [(200, b'{"Result": {"Subscriber": "x"}}'), (404, b"Not Found"), (200, b"<html>")])
def test_a_key_that_is_not_refused_is_well(status: int, body: bytes) -> None:
    assert looked(status, body) == Token("")


@pytest.mark.parametrize(("status", "body"), [(200, b'{"Result": {"Error": {"Message": "Valid key required"}}}'), (401, b"")])
def test_a_key_that_is_refused_stops_the_account(status: int, body: bytes) -> None:
    with pytest.raises(StopAccount, match="credentials refused"):
        looked(status, body)
