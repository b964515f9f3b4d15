"""A vendor's schema as data, and what its leaf types take."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from sync.model import NEVER, Field
from sync.vendors import bundled
from sync.vendors.schema import Amount, Exact, Filled, Flag, Password, Schema, Text, Whole, fields

SEED_FIELDS = {
    "sellercloud": """Title Name Email EmailCC BusinessName BusinessAliases SourceId IsWholesale CompanyId AccountManager1Id
        AccountManager1Commission AccountManager2Id AccountManager2Commission AccountManager3Id AccountManager3Commission Salesman
        Comments Rating Phone1 Phone2 Phone3 Mobile Fax""",
    "rpm": "Name Website Address Fields.*",
    "webcommander": """customer.first_name customer.last_name customer.shipping_profile customer.gender customer.email
        customer.company_name customer.address_line customer.country customer.state customer.post_code customer.city
        customer.mobile customer.phone customer.abn customer.abn_branch customer.newsletter.subscribed customer.password
        store_credit credit_limit customer_password_expired allow_credit_limit""",
    "sparklayer": """addresses title first_name last_name email company_name external_id accounting_id status group role
        default_billing_address_id default_shipping_address_id available_shipping_addresses currency_code sales_agent_groups
        price_lists vatin_numbers discount_percentage tax_exempt payment_by_invoice payment_on_account.credit_limit
        payment_on_account.currency_code payment_on_account.net_terms metadata.* parent_customer.id
        parent_customer.external_id""",
}
CLEARED_BY = {
    "sellercloud": {
        "Phone1": "",
        "BusinessAliases": [],
        "AccountManager2Id": 0,
        "Rating": 0,
        "IsWholesale": NEVER,
        "CompanyId": NEVER,
    },
    "rpm": {"Name": NEVER, "Website": "", "Address": "", "Fields.*": ""},
    "webcommander": {"customer.phone": "", "customer.email": NEVER, "customer.first_name": NEVER, "credit_limit": NEVER},
    "sparklayer": {
        "title": None,
        "email": NEVER,
        "status": NEVER,
        "role": NEVER,
        "addresses": NEVER,
        "price_lists": [],
        "metadata.*": None,
    },
}
UNORDERED = {
    "sellercloud": {"BusinessAliases"},
    "rpm": set(),
    "webcommander": set(),
    "sparklayer": {"available_shipping_addresses", "sales_agent_groups", "vatin_numbers"},
}


def accepted(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_schema_has_every_field_of_the_vendor_s_page_and_no_other(name: str) -> None:
    assert sorted(fields(bundled()[name].Customer)) == sorted(SEED_FIELDS[name].split())


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_field_knows_what_empties_it(name: str) -> None:
    known = fields(bundled()[name].Customer)
    assert {field: known[field].clear for field in CLEARED_BY[name]} == CLEARED_BY[name]


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_schema_takes_what_empties_a_field(name: str) -> None:
    vendor = bundled()[name]
    cleared: dict[str, Any] = {}
    for path, field in fields(vendor.Customer).items():
        *parents, leaf = path.replace("*", "some").split(".")
        at = cleared
        for parent in parents:
            at = at.setdefault(parent, {})
        if field.clear is not NEVER and field.clear is not None:
            at[leaf] = field.clear
    assert vendor.Customer.model_validate(cleared).model_dump(exclude_unset=True) == cleared


@pytest.mark.parametrize("name", sorted(bundled()))
def test_only_lists_without_an_order_are_compared_without_it(name: str) -> None:
    assert {path for path, field in fields(bundled()[name].Customer).items() if field.unordered} == UNORDERED[name]


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_record_may_hold_no_field_and_no_unknown_one(name: str) -> None:
    customer = bundled()[name].Customer
    assert customer.model_validate({}).model_dump(exclude_unset=True) == {}
    with pytest.raises(ValidationError) as error:
        customer.model_validate({"shoe_size": "a secret"})
    assert "a secret" not in str(error.value)


def test_the_one_secret_is_a_customer_s_password() -> None:
    secret = [path for vendor in bundled().values() for path, field in fields(vendor.Customer).items() if field.secret]
    assert secret == ["customer.password"]


def test_an_empty_list_of_agent_groups_is_a_permission_that_only_a_map_can_give() -> None:
    odd = [path for vendor in bundled().values() for path, field in fields(vendor.Customer).items() if field.empty_is_null]
    assert odd == ["sales_agent_groups"]


def test_fields_walk_through_models_unions_and_free_objects() -> None:
    class Inner(Schema):
        note: Annotated[Text | None, Field(clear="")] = None
        plain: Text = "x"

    class Outer(Schema):
        inner: Inner | None = None
        bare: Inner = Inner()
        free: Annotated[dict[str, Text] | None, Field(free=True)] = None
        several: list[Inner] | None = None

    found = fields(Outer)
    assert list(found) == ["inner.note", "inner.plain", "bare.note", "bare.plain", "free.*", "several"]
    assert (found["inner.note"].clear, found["inner.plain"].clear, found["free.*"].free) == ("", NEVER, True)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Text, "12", "12"),
        (Text, 12, "12"),
        (Text, Decimal("1.50"), "1.50"),
        (Text, date(2008, 4, 16), "2008-04-16"),
        (Text, datetime(2008, 4, 16, 10, tzinfo=UTC), "2008-04-16T10:00:00+00:00"),
        (Text, "", ""),
        (Whole, 12, 12),
        (Whole, 12.0, 12),
        (Whole, Decimal("12.0"), 12),
        (Flag, True, True),
        (Flag, 0, False),
        (Exact, 1, Decimal(1)),
        (Exact, 0.1, Decimal("0.1")),
        (Exact, Decimal("1.50"), Decimal("1.5")),
        (Exact, -2.5, Decimal("-2.5")),
        (Amount, 0, Decimal(0)),
        (Filled, 7, "7"),
        (Password, "x", "x"),
    ],
)
def test_a_leaf_takes_what_means_the_same(kind: Any, value: object, expected: object) -> None:
    taken = accepted(kind, value)
    assert (str(taken), type(taken)) == (str(expected), type(expected))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Text, True),
        (Text, 1.5),
        (Text, None),
        (Text, ["a"]),
        (Whole, 12.5),
        (Whole, "12"),
        (Whole, True),
        (Whole, float("nan")),
        (Flag, "yes"),
        (Flag, 2),
        (Flag, None),
        (Exact, "1.5"),
        (Exact, True),
        (Exact, float("inf")),
        (Exact, Decimal("NaN")),
        (Amount, -0.01),
        (Filled, ""),
        (Filled, " \t"),
        (Password, 5),
    ],
)
def test_a_leaf_leaves_a_decision_to_the_map(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError):
        accepted(kind, value)


def test_an_error_names_no_value() -> None:
    class Model(Schema):
        amount: Exact

    with pytest.raises(ValidationError) as error:
        Model.model_validate({"amount": "hunter2"})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("name", sorted(bundled()))
def test_an_account_keeps_its_secrets_out_of_its_repr(name: str) -> None:
    account: type[BaseModel] = bundled()[name].Account
    held = account.model_validate({field: f"https://the-{field}" for field in account.model_fields})
    assert all(secret not in repr(held) for secret in ("the-password", "the-client_secret", "the-key"))
