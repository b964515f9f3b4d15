"""How one value is shown, and where two differ."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model import ABSENT, UNKNOWN, Change, Secret
from sync.reports.marking import Piece, clip, differing, sides
from sync.reports.values import quoted, shown, visible
from sync.reports.wording import spent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ABSENT, "absent"),
        (UNKNOWN, "unknown"),
        (None, "null"),
        ("", '""'),
        ("Anna ", '"Anna "'),
        ("absent", '"absent"'),
        (True, "true"),
        (0, "0"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        (["a", 1, None], '["a", 1, null]'),
        ({"a": ["b"]}, '{"a": ["b"]}'),
        (Secret("5f", "hunter2"), "***"),
        ("no\u00a0break\n", '"no\\u00a0break\\n"'),
        ("\x1b[31m\u202e", '"\\u001b[31m\\u202e"'),
    ],
)
def test_no_value_is_taken_for_another(value: object, text: str) -> None:
    assert shown(value) == text


@given(st.text())
def test_a_text_in_quotes_is_json_and_can_be_printed(text: str) -> None:
    assert json.loads(quoted(text)) == text
    assert quoted(text).isprintable()


def test_text_that_can_be_seen_stays() -> None:
    assert visible("Dvořák & 東京 🎉") == "Dvořák & 東京 🎉"


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_of_a_text_are_the_text(before: str, after: str) -> None:
    old, new = differing(before, after)
    assert "".join(piece.text for piece in old) == before
    assert "".join(piece.text for piece in new) == after
    shared = [[piece.text for piece in pieces if not piece.differs] for pieces in (old, new)]
    assert len(old) == len(new) == 1 or "".join(shared[0]) == "".join(shared[1])


def test_the_characters_that_differ_are_marked() -> None:
    assert differing("anna@x.org", "anne@x.org") == (
        (Piece("ann"), Piece("a", differs=True), Piece("@x.org")),
        (Piece("ann"), Piece("e", differs=True), Piece("@x.org")),
    )


def test_a_space_at_the_end_is_marked_inside_the_quotes() -> None:
    before, after = sides(Change("Name", "Anna ", "Anna"))
    assert Piece(" ", differs=True) in before
    assert "".join(piece.text for piece in after) == '"Anna"'


def test_texts_with_little_in_common_are_not_marked() -> None:
    assert differing("Prague", "Oslo") == ((Piece("Prague"),), (Piece("Oslo"),))


def test_values_of_two_kinds_are_not_compared() -> None:
    assert sides(Change("Name", None, "null")) == ((Piece("null"),), (Piece('"null"'),))


def test_long_texts_take_no_time_and_are_marked_all_the_same() -> None:
    before, _ = differing("a" * 50_000 + "x" * 500 + "b" * 50_000, "a" * 50_000 + "b" * 50_000)
    assert before[1] == Piece("x" * 500, differs=True)


def clipped(before: str, after: str, size: int) -> list[str]:
    return ["".join(piece.text for piece in pieces) for pieces in clip(differing(before, after), size)]


def test_long_texts_are_cut_around_the_first_difference() -> None:
    shown = clipped("a" * 5000 + "X" + "b" * 5000, "a" * 5000 + "Y" + "b" * 5000, 30)
    rest = "b" * 19 + "… (10,001 characters)"
    assert shown == [f"…aaaaaaaaaaX{rest}", f"…aaaaaaaaaaY{rest}"]


def test_both_texts_are_cut_at_the_same_place_where_only_one_has_more() -> None:
    shown = clipped("a" * 5000, "a" * 5000 + "Z", 30)
    assert shown == ["…aaaaaaaaaa (5,000 characters)", "…aaaaaaaaaaZ (5,001 characters)"]


def test_short_texts_are_not_cut() -> None:
    assert clipped("short", "shorn", 5) == ["short", "shorn"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.3, "1 s"), (42, "42 s"), (402, "6 min 42 s"), (3600, "1 h 00 min"), (11_100, "3 h 05 min"), (187_300, "2 d 4 h")],
)
def test_a_time_is_said_in_two_units(seconds: float, text: str) -> None:
    assert spent(seconds) == text
