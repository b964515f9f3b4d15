"""What every status without a word asks for, by vendor and by kind of call; words that say more are in the vendors' cases."""

from datetime import datetime

import pytest

from sync.errors import Refused, SignInAgain, StopAccount, TryAgain, Unclear, VendorError, Wait
from sync.model import Reply
from sync.pipeline.retry import maybe_applied
from tests.vendors.test_cases import CASES, NOW, VENDORS, answered, updating, vendor_of

Kind = type[VendorError]
UPDATES: dict[int, tuple[Kind, bool]] = {
    **dict.fromkeys((201, 202, 206, 300, 301, 302, 304, 307, 308), (Unclear, True)),
    **dict.fromkeys((400, 402, 403, 404, 405, 409, 410, 413, 415, 422, 431), (Refused, False)),
    401: (SignInAgain, False),
    **dict.fromkeys((408, 425), (TryAgain, False)),
    429: (Wait, False),
    **dict.fromkeys((500, 501, 502, 503, 504, 507, 520, 522, 524, 599), (TryAgain, True)),
}
"""Also whether the vendor may hold what it was told all the same."""
OWN: dict[str, dict[int, tuple[Kind, bool]]] = {
    "rpm": dict.fromkeys((401, 404, 405), (StopAccount, False)),  # a fixed key; every call has one and the same address
    "sparklayer": {409: (TryAgain, False)},  # somebody else writes just now, unless it names a duplicate
}
LIMITS = {("sellercloud", 500): 3, ("sparklayer", 409): 3}
"""Those that may never pass are tried so often, and then refused."""
SIGN_INS: dict[int, Kind] = {
    **dict.fromkeys((200, 201, 202, 204, 302, 400, 401, 403, 404, 409, 410, 422), StopAccount),
    **dict.fromkeys((408, 425, 500, 502, 503, 504, 599), TryAgain),
    429: Wait,
}


def told(vendor: str, kind: str, status: int) -> object:
    case = next(case for case in CASES if case.vendor == vendor and case.outcome == "delivered")
    speaker = vendor_of(case)
    talk = speaker.sign_in(None) if kind == "sign_in" else getattr(speaker, kind)(updating(case))
    return answered(talk, Reply(status, {}, b"", datetime.fromisoformat(NOW)))


@pytest.mark.parametrize("kind", ["exchange", "look"])
@pytest.mark.parametrize("vendor", sorted(VENDORS))
@pytest.mark.parametrize("status", UPDATES)
def test_what_an_update_and_a_look_back_make_of_a_status(vendor: str, kind: str, status: int) -> None:
    found = told(vendor, kind, status)
    expected, maybe = OWN.get(vendor, {}).get(status, UPDATES[status])
    assert isinstance(found, VendorError)
    assert (type(found), maybe_applied(found)) == (expected, maybe)
    if isinstance(found, TryAgain):
        most = LIMITS.get((vendor, status))
        assert (found.limit, found.then_refuse) == (most, most is not None)


@pytest.mark.parametrize("vendor", sorted(name for name, vendor in VENDORS.items() if vendor.signs_in))
@pytest.mark.parametrize("status", SIGN_INS)
def test_what_a_sign_in_makes_of_a_status(vendor: str, status: int) -> None:
    found = told(vendor, "sign_in", status)
    assert isinstance(found, VendorError)
    assert (type(found), maybe_applied(found)) == (SIGN_INS[status], False)
