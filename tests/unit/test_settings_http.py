"""`[sources.NAME]` with `kind = "http"` -> how the list is asked for, and by whom."""

import tomllib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from sync.app.apis import api, signing
from sync.ports import Signing
from sync.settings import HttpTable
from sync.sources.http.api import Api, Narrowing, Single
from sync.sources.http.paging import Cursor, Link, NextUrl, Numbered, Offset, Paging, Whole
from sync.sources.http.paths import parse
from sync.sources.http.signing import ClientCredentials, Headers

URL = "https://api.example.com/v2/customers"
HEAD = f'kind = "http"\nurl = "{URL}"\nkey = "id"\n'
PLAIN = Api(URL, "id")


def table(text: str) -> HttpTable:
    return HttpTable.model_validate(tomllib.loads(HEAD + text))


@pytest.mark.parametrize(
    ("text", "listing"),
    [
        ("", PLAIN),
        ('items = "a.b"\ntotal = "n"', replace(PLAIN, items=parse("a.b"), total=parse("n"))),
        ('params = { app = "x y" }', replace(PLAIN, url=f"{URL}?app=x+y")),
        (
            'cursor = "at"\nsince = "from"\nsince_format = "epoch"',
            replace(PLAIN, cursor="at", narrowing=Narrowing("from", "epoch")),
        ),
        (
            'item = "/v2/one/{key}"\nitem_at = "c"\ndetails = true',
            replace(PLAIN, single=Single("https://api.example.com/v2/one/{key}", parse("c")), whole=False),
        ),
    ],
)
def test_a_list_is_asked_for_as_the_table_says(text: str, listing: Api) -> None:
    assert api(table(text)) == listing


@pytest.mark.parametrize(
    ("text", "paging"),
    [
        ('kind = "page"', Numbered("page")),
        ('kind = "page"\nparameter = "p"\nfirst = 0\nsize = 50', Numbered("p", 0, ("limit", 50))),
        ('kind = "offset"\nsize = 50\nsize_parameter = "max"', Offset("offset", ("max", 50))),
        ('kind = "cursor"\nparameter = "after"\nnext = "meta.next"', Cursor("after", parse("meta.next"))),
        ('kind = "next"\nnext = "next"', NextUrl(parse("next"))),
        ('kind = "next"\nnext = "next"\nshifts = false', NextUrl(parse("next"), steady=True)),
        ('kind = "link"', Link()),
    ],
)
def test_it_goes_on_as_the_table_says(text: str, paging: Paging) -> None:
    assert api(table(f"[paging]\n{text}")).paging == paging
    assert api(table("")).paging == Whole()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('kind = "header"\nname = "X-Key"\nvalue = "s3cret"', Headers((("A", "b"), ("X-Key", "s3cret")))),
        ('kind = "basic"\nusername = "me"\npassword = "s3cret"', Headers((("A", "b"), ("Authorization", "Basic bWU6czNjcmV0")))),
        ('kind = "bearer"\ntoken = "s3cret"', Headers((("A", "b"), ("Authorization", "Bearer s3cret")))),
        (
            (
                'kind = "oauth"\ntoken_url = "https://a.example/t"\nclient_id = "c"\nclient_secret = "s3cret"\n'
                'credentials_in = "form"'
            ),
            ClientCredentials("https://a.example/t", "c", SecretStr("s3cret"), "", in_form=True, headers=(("A", "b"),)),
        ),
    ],
)
def test_it_is_signed_as_the_table_says_and_the_secret_is_known_as_one(text: str, expected: Signing) -> None:
    made = table(f'headers = {{ A = "b" }}\n[auth]\n{text}')
    assert signing(made) == expected
    assert "s3cret" in made.secrets
    assert "s3cret" not in repr(made)


def test_an_account_needs_nothing_else_and_takes_the_overlap_of_its_vendor() -> None:
    made = HttpTable.model_validate({"kind": "http", "account": "shop"})
    assert (made.key, made.overlap, made.named) == ("", None, {})
    assert HttpTable.model_validate({"kind": "http", "account": "shop", "overlap": "1h"}).overlap == timedelta(hours=1)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"kind": "http", "url": URL}, "key is missing"),
        ({"kind": "http", "url": URL, "key": "id", "details": True}, "details needs item"),
        ({"kind": "http", "url": URL, "key": "id", "item": "/one"}, "has to hold {key}"),
        ({"kind": "http", "url": URL, "key": "id", "paging": {"kind": "cursor"}}, "cursor needs next"),
        ({"kind": "http", "url": URL, "key": "id", "paging": {"kind": "page", "size": 1}}, "greater than or equal to 2"),
        ({"kind": "http", "url": URL, "key": "id", "since": "x", "since_format": "iso"}, "epoch_ms"),
        ({"kind": "http", "url": URL, "account": "shop", "key": "id"}, "one of url and account"),
    ],
)
def test_a_table_that_cannot_work_says_what_it_needs(tree: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HttpTable.model_validate(tree)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ('items = "x"', True),
        ('since = "x"', True),
        ('overlap = "1h"', False),
        ('rate = "1/s"', False),
        ('[auth]\nkind = "bearer"\ntoken = "x"', False),
    ],
)
def test_the_definition_is_another_where_other_customers_may_come(text: str, *, other: bool) -> None:
    assert (table(text).definition != table("").definition) == other
