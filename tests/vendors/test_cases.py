"""Every case in NAME/*.toml, played to its vendor: what goes in, what is asked, what is answered, how it ends.

A file holds `account`, the `headers` that signing adds, what is `usual` (in `signing_in`: of a sign-in; in `looking`: of a look),
and its `case`s:

    name       a promise
    identity   the source's value of the vendor's id; `match` the field that names a customer in its place
    before     the baseline's leaves by dotted name, or "unknown"
    after      the record, raw and nested as in a target's map; `clear` lists the fields that it empties
    sign_in    the case is a sign-in; `refresh` is the refresh token that is at hand
    look       the case reads back whether an update is held that was not acknowledged
    requests   method, url, body (JSON text), headers; what is to be asked, in order
    replies    status, headers, body (text), at; what is answered, in order
    outcome    unchanged | delivered | held | not held | signed in | rejected (by the schema) | no id | an error's class
    then       reason, errors ("field: message"), until, limit, maybe_applied, missing, token: what that outcome holds
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sync.errors import StopAccount, TryAgain, Unclear, VendorError, Wait
from sync.model import (
    ABSENT,
    Baseline,
    Change,
    Diff,
    Field,
    Identity,
    Leaf,
    Receipt,
    Record,
    Reply,
    Request,
    Secret,
    Token,
    Update,
)
from sync.pipeline.diff import diff
from sync.pipeline.project import flatten
from sync.pipeline.retry import maybe_applied
from sync.ports import Vendor
from sync.vendors import bundled
from sync.vendors.schema import fields

HERE = Path(__file__).parent
NOW = "2026-11-22T23:30:00+00:00"
VENDORS = bundled()
CREDENTIALS = {"password", "Password", "client_secret", "key", "auth_string", "refresh_token"}


@dataclass(frozen=True)
class Case:
    """One case, with its file's common part."""

    vendor: str
    account: Mapping[str, Any]
    headers: Mapping[str, str]
    name: str
    outcome: str
    identity: Any = None
    match: str | None = None
    before: Any = "unknown"
    after: Mapping[str, Any] = field(default_factory=dict)
    clear: tuple[str, ...] = ()
    sign_in: bool = False
    look: bool = False
    refresh: str | None = None
    requests: tuple[Mapping[str, Any], ...] = ()
    replies: tuple[Mapping[str, Any], ...] = ()
    reason: str | None = None
    errors: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    until: str | None = None
    limit: int | None = None
    maybe_applied: bool = True
    token: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.vendor}: {self.name}"


@dataclass(frozen=True)
class Ending:
    """What came of a case: what was asked, and an error, a receipt or a token."""

    outcome: str
    asked: tuple[Request, ...] = ()
    result: object = None


def cases() -> Iterator[Case]:
    for path in sorted(HERE.glob("*/*.toml")):
        held = tomllib.loads(path.read_text(encoding="utf-8"))
        common = {"vendor": path.parent.name, "account": held["account"], "headers": held["headers"]}
        for case in held["case"]:
            looking = held["looking"] if case.get("look") else {}
            merged = held["signing_in"] | case if case.get("sign_in") else held["usual"] | looking | case
            yield Case(**common, **{name: tuple(value) if isinstance(value, list) else value for name, value in merged.items()})


CASES = list(cases())


def vendor_of(case: Case) -> Vendor:
    vendor: Any = VENDORS[case.vendor]
    made: Vendor = vendor(vendor.Account.model_validate(case.account))
    return made


def record_of(case: Case, identity: Identity, vendor: Vendor) -> Record:
    known = fields(vendor.Customer)
    model = vendor.Customer.model_validate(case.after)
    leaves: dict[str, Leaf] = dict(flatten(model.model_dump(exclude_unset=True, by_alias=True)))
    secret = {name: Secret("fingerprint", value) for name, value in leaves.items() if about(name, known).secret}
    cleared = {name: about(name, known).clear for name in case.clear}
    return Record("7", identity, leaves | secret | cleared)


def about(name: str, known: Mapping[str, Field]) -> Field:
    return known.get(name) or known[f"{name.split('.', 1)[0]}.*"]


def changes_of(case: Case, record: Record, vendor: Vendor) -> Diff:
    known = fields(vendor.Customer)
    baseline = Baseline(vendor.place, record.identity.value, None if case.before == "unknown" else case.before)
    return diff(record, baseline, place=vendor.place, about=lambda name: about(name, known), sources={})


def play(case: Case) -> Ending:
    vendor = vendor_of(case)
    if case.sign_in:
        return converse(case, vendor.sign_in(Token("old", None, case.refresh) if case.refresh else None))
    try:
        identity = vendor.identify(case.identity, case.match)
        record = record_of(case, identity, vendor)
    except ValidationError as error:
        return Ending("rejected", result=error)
    except ValueError as error:
        return Ending("no id", result=error)
    changes = changes_of(case, record, vendor)
    if not changes:
        return Ending("unchanged")
    leaves = record.leaves if case.before == "unknown" else {**case.before, **record.leaves}
    try:
        requests = vendor.requests(identity, changes, leaves)
    except VendorError as error:
        return Ending(type(error).__name__, result=error)
    return converse(case, (vendor.look if case.look else vendor.exchange)(Update("7", identity, 1, changes, leaves, requests)))


def converse(case: Case, exchange: Any) -> Ending:
    asked, replies = [], iter(case.replies)
    try:
        asked.append(next(exchange))
        while True:
            asked.append(exchange.send(reply_of(next(replies))))
    except StopIteration as end:
        return Ending(ended(case, end.value), tuple(asked), end.value)
    except VendorError as error:
        return Ending(type(error).__name__, tuple(asked), error)


def ended(case: Case, result: Receipt | Token) -> str:
    if isinstance(result, Token):
        return "signed in"
    return ("not held" if result.missing else "held") if case.look else "delivered"


def reply_of(reply: Mapping[str, Any]) -> Reply:
    at = datetime.fromisoformat(reply.get("at", NOW))
    return Reply(reply["status"], reply.get("headers", {}), reply.get("body", "").encode(), at)


def expected_request(request: Mapping[str, Any]) -> dict[str, Any]:
    known = {"method": request["method"], "url": request["url"], "body": json.loads(request.get("body", "null"))}
    return known | {"headers": request.get("headers", {})}


def actual_request(request: Request) -> dict[str, Any]:
    known = {"method": request.method, "url": request.url, "body": json.loads(request.content(reveal=True) or b"null")}
    return known | {"headers": dict(request.headers)}


def expected_result(case: Case, result: object) -> dict[str, Any]:
    """What the case says of such a result; a reason that it does not give is not asked about."""
    match result:
        case ValidationError():
            return {"errors": sorted(case.errors)}
        case Wait() | StopAccount():
            said: dict[str, Any] = {"until": case.until and datetime.fromisoformat(case.until)}
        case TryAgain():
            said = {"limit": case.limit, "then_refuse": case.limit is not None, "maybe_applied": case.maybe_applied}
        case VendorError():
            said = {"errors": list(case.errors)}
        case Receipt():
            return {"missing": list(case.missing)}
        case Token():
            return {"access": None, "refresh": None, "expires": None} | dict(case.token)
        case _:
            said = {}
    return said if case.reason is None else said | {"reason": case.reason}


def actual_result(case: Case, result: object) -> dict[str, Any]:
    match result:
        case ValidationError():
            told = result.errors(include_url=False, include_input=False)
            return {"errors": sorted(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in told)}
        case Wait() | StopAccount():
            said: dict[str, Any] = {"until": result.until}
        case TryAgain():
            said = {"limit": result.limit, "then_refuse": result.then_refuse, "maybe_applied": result.maybe_applied}
        case VendorError():
            said = {"errors": [f"{error.field}: {error.message}" for error in getattr(result, "errors", ())]}
        case Receipt():
            return {"missing": [error.field for error in result.missing]}
        case Token():
            expires = result.expires and result.expires.isoformat()
            return {"access": result.access, "refresh": result.refresh, "expires": expires}
        case _:
            said = {}
    return said if case.reason is None else said | {"reason": str(result)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_asks_and_ends_as_it_says(case: Case) -> None:
    ending = play(case)
    assert [actual_request(request) for request in ending.asked] == [expected_request(request) for request in case.requests]
    assert ending.outcome == case.outcome, ending.result
    assert actual_result(case, ending.result) == expected_result(case, ending.result)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_shows_no_credential_and_no_password(case: Case) -> None:
    ending = play(case)
    bodies = [(request.content() or b"").decode() for request in ending.asked]
    shown = [str(ending.result), repr(ending), *bodies]
    secrets = {value for name, value in case.account.items() if name in CREDENTIALS}
    for request in case.requests:
        secrets |= {
            value for name, value in flatten(json.loads(request.get("body", "{}"))) if name.rsplit(".", 1)[-1] in CREDENTIALS
        }
    assert [text for text in shown for secret in secrets if str(secret) in text] == []


@pytest.mark.parametrize("case", [case for case in CASES if not case.sign_in], ids=str)
def test_signing_adds_the_account_s_headers_and_nothing_else(case: Case) -> None:
    vendor = vendor_of(case)
    for request in play(case).asked:
        signed = vendor.sign(request, Token("the-token"))
        assert (signed.headers, signed.url, signed.body) == (tuple(case.headers.items()), request.url, request.body)


@pytest.mark.parametrize("case", [case for case in CASES if case.sign_in], ids=str)
def test_a_sign_in_needs_no_signing(case: Case) -> None:
    vendor = vendor_of(case)
    for request in play(case).asked:
        assert vendor.sign(request, None) == request


@pytest.mark.parametrize("name", sorted(VENDORS))
def test_a_vendor_has_cases_for_whatever_can_happen_to_it(name: str) -> None:
    needed = {"delivered", "unchanged", "rejected", "no id", "Refused", "TryAgain", "Wait", "StopAccount", "Unclear"}
    if VENDORS[name].signs_in:
        needed |= {"signed in", "SignInAgain"}
    ours = [case for case in CASES if case.vendor == name]
    assert needed - {case.outcome for case in ours if not case.look} == set()
    unauthorised = "SignInAgain" if VENDORS[name].signs_in else "StopAccount"
    looked = {"held", "not held", "Unclear", "Refused", unauthorised}
    assert looked - {case.outcome for case in ours if case.look} == set()
    assert len({case.name for case in ours}) == len(ours)


@pytest.mark.parametrize("name", sorted(VENDORS))
def test_a_vendor_s_cases_send_every_field_of_its_schema(name: str) -> None:
    delivered = [case for case in CASES if case.vendor == name and case.outcome == "delivered"]
    sent = {leaf for case in delivered for leaf in record_of(case, Identity("1"), vendor_of(case)).leaves}
    sent |= {f"{leaf.split('.', 1)[0]}.*" for leaf in sent if "." in leaf}
    assert set(fields(VENDORS[name].Customer)) - sent == set()


@pytest.mark.parametrize("name", sorted(VENDORS))
def test_another_base_url_is_another_place(name: str) -> None:
    vendor: Any = VENDORS[name]
    account = next(case.account for case in CASES if case.vendor == name)
    bases = ["https://one.example/api", "https://one.example/api/", "https://two.example/api"]
    one, same, two = (vendor(vendor.Account.model_validate({**account, "base_url": base})).place for base in bases)
    assert (one == same, one == two) == (True, False)


def test_another_site_is_another_place() -> None:
    vendor: Any = VENDORS["sparklayer"]
    account = next(case.account for case in CASES if case.vendor == "sparklayer")
    one, other = (vendor(vendor.Account.model_validate({**account, "site_id": site})).place for site in ("one", "other"))
    assert one != other


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b'{"Name": "Z\xf6e"}', b'{"id": 47', b"x" * 1000, b"<html>"])
@pytest.mark.parametrize("name", sorted(VENDORS))
def test_a_200_that_nobody_can_read_is_no_success(name: str, body: bytes) -> None:
    case = next(case for case in CASES if case.vendor == name and case.outcome == "delivered")
    sent = updating(case)
    assert isinstance(answered(vendor_of(case).exchange(sent), Reply(200, {}, body, datetime.fromisoformat(NOW))), Unclear)


@pytest.mark.parametrize(("status", "maybe"), [(429, False), (503, True)])
@pytest.mark.parametrize("name", sorted(VENDORS))
def test_what_a_vendor_that_is_unavailable_for_so_long_was_told_may_have_been_applied(
    name: str, status: int, maybe: bool
) -> None:
    case = next(case for case in CASES if case.vendor == name and case.outcome == "delivered")
    refused = play(replace(case, replies=({"status": status, "headers": {"retry-after": "5"}},))).result
    assert isinstance(refused, Wait)
    assert maybe_applied(refused) is maybe


def updating(case: Case) -> Update:
    """What tells a vendor that knows nothing of the customer all that the case holds."""
    vendor = vendor_of(case)
    identity = vendor.identify(case.identity, case.match)
    leaves = record_of(case, identity, vendor).leaves
    changes = tuple(Change(name, ABSENT, value) for name, value in sorted(leaves.items()))
    return Update("7", identity, 1, changes, leaves, vendor.requests(identity, changes, leaves))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
WORDS = """Result Error Message Fields Field Value CustomerID Name Aliases errors Errors ModelState field property code message
    customer id customer_id external_id addresses type country title detail status isSuccess RateLimitResetTime Success
    access_token expires_in refresh_token General ID Internal Personal"""
NAMES = st.sampled_from(WORDS.split())
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
BODIES = JSON.map(lambda tree: json.dumps(tree).encode()) | st.binary(max_size=40)
STATUSES = st.sampled_from([200, 201, 202, 204, 301, 304, 400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504, 599])
HEADERS = st.dictionaries(st.just("retry-after"), st.text(max_size=30) | st.integers(0).map(str))


@given(st.sampled_from(sorted(VENDORS)), STATUSES, BODIES, HEADERS)
def test_whatever_is_answered_ends_as_an_outcome(name: str, status: int, body: bytes, headers: dict[str, str]) -> None:
    case = next(case for case in CASES if case.vendor == name and case.outcome == "delivered")
    vendor, sent = vendor_of(case), updating(case)
    reply = Reply(status, headers, body, datetime.fromisoformat(NOW))
    update, look = (answered(talk(sent), reply) for talk in (vendor.exchange, vendor.look))
    sign_in = answered(vendor.sign_in(None), reply)
    assert isinstance(update, VendorError) or (isinstance(update, Receipt) and status in {200, 204})
    assert isinstance(look, VendorError) or (isinstance(look, Receipt) and status == 200)
    granted = isinstance(sign_in, Token) and (status in {200, 201} or not vendor.signs_in)
    assert isinstance(sign_in, VendorError) or granted
    assert all(str(end) for end in (update, look, sign_in))


def answered(exchange: Any, reply: Reply) -> object:
    """How an exchange ends that is given this reply to whatever it asks."""
    try:
        next(exchange)
        while True:
            exchange.send(reply)
    except StopIteration as end:
        return end.value
    except VendorError as error:
        return error
