"""The report for a pull request, read back by a parser of Markdown."""

import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sync.errors import FieldError
from sync.model import UNKNOWN, Change, Identity, Pending, Rejection, Request, TargetPlan, Update
from sync.reports.markdown import Markdown, MarkdownPolicy, code, table, words
from sync.reports.values import quoted, visible

PARSER = MarkdownIt("commonmark").enable("table")


def inline(markdown: str) -> list[Any]:
    return [token.children for token in PARSER.parse(markdown) if token.type == "inline"]


def update(customer: str, *changes: Change) -> Update:
    request = Request("PUT", f"https://x.test/{customer}", {change.field: change.after for change in changes})
    return Update(customer, Identity(customer), 1, changes, {}, (request,))


def written(policy: MarkdownPolicy, *entries: Update | Rejection) -> str:
    updates = [entry for entry in entries if isinstance(entry, Update)]
    out = io.StringIO()
    target = TargetPlan("crm", len(updates), 9, 0, len(entries) - len(updates), 0, {"N": 9}, 1, lambda: iter(entries))
    Markdown(policy).write("p1", [target], out)
    return out.getvalue()


@example(" ")
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_code_span_in_a_table_holds_exactly_its_text(text: str) -> None:
    cells = inline("".join(table(("one", "two"), iter([(code(text), code("next"))]))))[2:]
    assert [[token.content for token in cell] for cell in cells] == [[visible(text)], ["next"]]
    assert [[token.type for token in cell] for cell in cells] == [["code_inline"], ["code_inline"]]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_words_are_never_markup(text: str) -> None:
    children = inline(f"x {words(text)} x")[0]
    assert {token.type for token in children} <= {"text", "text_special"}
    assert "".join(token.content for token in children) == f"x {visible(text)} x"


@pytest.mark.parametrize("text", ["", " ", "`", "a`", "``|``", "|", "\\|", "a\nb", "<b>"])
def test_a_cell_never_becomes_two(text: str) -> None:
    rows = "".join(table(("one", "two"), iter([(code(text), words(text))])))
    assert len(inline(rows)) == 4


def test_a_change_is_a_row() -> None:
    shown = written(MarkdownPolicy(), update("7", Change("Email", UNKNOWN, "b@x.org", ("Mail",))))
    assert '| `7` | `7` | `Email` | `unknown` | `"b@x.org"` | Mail |' in shown


def test_what_differs_within_two_texts_is_bold() -> None:
    shown = written(MarkdownPolicy(), update("7", Change("Email", "anna@x.org", "anne@x.org")))
    assert '| `"ann`**`a`**`@x.org"` | `"ann`**`e`**`@x.org"` |' in shown


TEXTS = st.text(st.sampled_from('ab `*|\\"_<é'), min_size=1, max_size=12)


@given(TEXTS, TEXTS)
def test_a_marked_value_reads_as_the_value(before: str, after: str) -> None:
    shown = written(MarkdownPolicy(), update("7", Change("N", before, after)))
    table = shown[shown.index("| customer") :].partition("\n\n")[0]
    cells = inline(table)[6:]
    told = ["".join(token.content for token in cell) for cell in cells[3:5]]
    assert told == [quoted(before), quoted(after)]
    assert {token.type for cell in cells[3:5] for token in cell} <= {"code_inline", "text", "strong_open", "strong_close"}


def test_a_list_is_cut_with_how_many_more() -> None:
    shown = written(MarkdownPolicy(limit=2), *(update(str(number), Change("N", 1, 2)) for number in range(5)))
    assert shown.count("`N` | `1` | `2`") == 2
    assert "\n... and 3 more\n" in shown
    assert "<summary>5 updates</summary>" in shown


def test_a_request_cannot_end_its_fence() -> None:
    shown = written(MarkdownPolicy(requests=True), update("7", Change("N", 1, "``` </details>")))
    fences = [token.content for token in PARSER.parse(shown) if token.type == "fence"]
    assert fences == ['PUT https://x.test/7 {"N":"``` </details>"}\n']


def test_errors_are_words() -> None:
    shown = written(MarkdownPolicy(), Rejection(Pending("9", 1), (FieldError("Rating", "<at> *most* five"),)))
    assert r"| `9` | `Rating` | \<at\> \*most\* five |" in shown
