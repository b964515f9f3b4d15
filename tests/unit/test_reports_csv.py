"""The report for a spreadsheet, read back as one reads it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import FieldError
from sync.model import ABSENT, UNKNOWN, Change, Entry, Held, Hold, Identity, Pending, Rejection, TargetPlan, Unchanged, Update
from sync.reports.csv import COLUMNS, Csv, safe


def update(customer: str, *changes: Change) -> Update:
    return Update(customer, Identity(f"c-{customer}"), 1, changes, {}, ())


def rows(*entries: Entry) -> list[list[str]]:
    out = io.StringIO(newline="")
    Csv().write("p1", [TargetPlan("crm", 0, 0, 0, 0, 0, {}, 0, lambda: iter(entries))], out)
    return list(csv.reader(io.StringIO(out.getvalue(), newline="")))


def cells(before: object, after: object) -> list[str]:
    return rows(update("7", Change("N", before, after)))[1][6:8]


def test_a_change_is_a_line() -> None:
    assert rows(
        update("7", Change("Email", "a", "b", ("Mail", "Alias")), Change("Fax", 1, None)),
        Unchanged(Pending("8", 1)),
        Rejection(Pending("9", 1), (FieldError("Rating", "too high"),)),
        Held(update("6", Change("Fax", "1", "")), "gate", "gate: too many"),
    ) == [
        ["plan", *COLUMNS],
        ["p1", "crm", "7", "c-7", "update", "Email", "a", "b", "Mail, Alias", ""],
        ["p1", "crm", "7", "c-7", "update", "Fax", "1", "<null>", "", ""],
        ["p1", "crm", "9", "", "rejected", "Rating", "", "", "", "too high"],
        ["p1", "crm", "6", "c-6", "held", "Fax", "1", "<empty>", "", "gate: too many"],
    ]


def test_what_is_not_there_is_marked_and_text_that_reads_so_is_quoted() -> None:
    assert cells(UNKNOWN, None) == ["<unknown>", "<null>"]
    assert cells(ABSENT, "") == ["<absent>", "<empty>"]
    assert cells("<null>", '"<null>"') == ['"<null>"', '""<null>""']


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+61 2-9999", "'+61 2-9999"),
        ("+61412345678", "'+61412345678"),
        ("-1+1", "'-1+1"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("'=1", "''=1"),
        ("-5", "-5"),
        ("-1.50", "-1.50"),
        ("'t Hooft", "'t Hooft"),
        ("a=1", "a=1"),
    ],
)
def test_a_spreadsheet_computes_nothing(text: str, cell: str) -> None:
    assert safe(text) == cell


@given(st.text(alphabet="'=+-@\t\r\n1a"), st.text(alphabet="'=+-@\t\r\n1a"))
def test_two_texts_are_never_one_cell(one: str, other: str) -> None:
    assert (safe(one) == safe(other)) == (one == other)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_text_arrives(text: str) -> None:
    assert cells(1, f"x{text}") == ["1", f"x{text}"]


def test_customers_fields_and_errors_are_safe_too() -> None:
    line = rows(Rejection(Pending("=1", 1), (FieldError("=2", "=3"),)))[1]
    assert [cell for cell in line if cell.startswith("=")] == []


def test_lines_end_as_the_standard_says() -> None:
    out = io.StringIO(newline="")
    Csv().write("p1", [], out)
    assert out.getvalue().endswith('"error"\r\n')


def test_of_a_held_change_the_gates_are_named_that_hold_it() -> None:
    holds = (Hold("max_cleared", "too many cleared", ("Fax",)), Hold("max_updates", "too many", ("Email", "Fax")))
    both = update("6", Change("Email", "a", "b"), Change("Fax", "1", ""))
    lines = rows(Held(both, "max_cleared", "both", holds))
    assert [line[-1] for line in lines[1:]] == ["max_updates: too many", "max_cleared: too many cleared; max_updates: too many"]
