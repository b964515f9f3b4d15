"""What was found of a source, for a person and for a program."""

from dataclasses import replace

from sync.model import Customer
from sync.pipeline.survey import Survey
from sync.ports import Span
from sync.reports.surveys import survey_text, survey_tree

FOUND = Survey(
    2,
    {"Id": "INTEGER", "Email": "TEXT"},
    {"Email": ["rpm", "shop"]},
    "Moved",
    Span("2026-11-21", "2026-11-22", indexed=False, advice="CREATE INDEX x ON y (z)"),
    [Customer("7", {"Id": 7, "Email": "ann@x.org", "Tags": ["vip"], "Active": True, "Phone": None, "Raw": b"\x00"})],
)


def test_a_person_sees_what_there_is_who_uses_it_and_what_could_be_better() -> None:
    assert survey_text(FOUND).splitlines() == [
        "  rows: 2",
        "  cursor: Moved, from 2026-11-21 to 2026-11-22, without an index",
        "  Id (integer)",
        "  Email (text): rpm, shop",
        "  customer 7: Id = #, Email = xxx@x.xxx, Tags = ['xxx'], Active = True, Phone = None, Raw = 1 bytes",
        "  warning: Moved has no index, so every run reads the whole table: CREATE INDEX x ON y (z)",
    ]


def test_a_program_sees_the_same_and_nobody_sees_a_personal_value() -> None:
    tree = survey_tree(FOUND)
    assert tree["columns"][1] == {"name": "Email", "type": "TEXT", "used": ["rpm", "shop"]}
    assert tree["cursor"] == {"name": "Moved", "first": "2026-11-21", "last": "2026-11-22", "indexed": False, "among": None}
    assert tree["sample"][0]["values"]["Email"] == "xxx@x.xxx"
    assert "ann" not in survey_text(FOUND) + str(tree)


def test_a_range_that_not_all_customers_have_told_says_so() -> None:
    found = replace(FOUND, rows=None, span=Span("2026-11-21", "2026-11-22", among=100))
    assert survey_text(found).splitlines()[:2] == [
        "  rows: not known",
        "  cursor: Moved, from 2026-11-21 to 2026-11-22, among the first 100",
    ]
    assert survey_tree(found)["cursor"]["among"] == 100


def test_a_customer_in_trouble_and_an_empty_source_are_warnings() -> None:
    found = Survey(0, {}, {}, None, None, [Customer("7", {}, trouble="two rows have this key")])
    assert found.warnings == ["there are no rows", "7: two rows have this key"]
