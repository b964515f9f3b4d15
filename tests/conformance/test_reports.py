"""What every report keeps to, whatever its form."""

import io
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import pytest

from sync.errors import FieldError
from sync.model import (
    ABSENT,
    UNKNOWN,
    Allowance,
    Change,
    Entry,
    Estimate,
    Foreign,
    Held,
    Identity,
    Leaf,
    Missing,
    Outcome,
    Pending,
    Rejection,
    Request,
    Secret,
    TargetPlan,
    Told,
    Tripped,
    Unchanged,
    Update,
)
from sync.ports import Report
from sync.reports.csv import Csv
from sync.reports.html import Html, HtmlPolicy
from sync.reports.json import Json
from sync.reports.markdown import Markdown, MarkdownPolicy
from sync.reports.text import Text, TextPolicy
from sync.reports.view import View

REPORTS: dict[str, Report] = {
    "text": Text(TextPolicy(requests=True)),
    "coloured text": Text(TextPolicy(requests=True, colour=True)),
    "json": Json(),
    "markdown": Markdown(MarkdownPolicy(requests=True, limit=None)),
    "html": Html(HtmlPolicy(limit=None)),
    "csv": Csv(),
}
OUTCOMES = (Outcome.DELIVERED, Outcome.REJECTED, Outcome.DEFERRED, Outcome.UNKNOWN)
SECRET = Secret("5f2c9e", "hunter2")


@pytest.fixture(params=REPORTS)
def report(request: pytest.FixtureRequest) -> Report:
    return REPORTS[request.param]


def written(report: Report, *targets: TargetPlan, plan: str = "a plan") -> str:
    out = io.StringIO()
    report.write(plan, targets, out)
    return out.getvalue()


def plan(entries: Callable[[], Iterator[Entry]], target: str = "shop") -> TargetPlan:
    kinds = Counter(type(entry) for entry in entries())
    fields = Counter(change.field for entry in entries() if isinstance(entry, Update) for change in entry.changes)
    updates = kinds[Update]
    left = sum(isinstance(entry, Foreign) and entry.left for entry in entries())
    figures = (updates, updates, kinds[Unchanged], kinds[Rejection], kinds[Held])
    return TargetPlan(target, *figures, fields, updates / 3, entries, left)


def of(*entries: Entry) -> TargetPlan:
    return plan(lambda: iter(entries))


def run(entries: Callable[[], Iterator[Entry]], target: str = "shop") -> TargetPlan:
    """The report of a run."""
    seen = plan(entries, target)
    told = Counter(entry.outcome.value for entry in entries() if isinstance(entry, Told))
    outcomes = told + Counter(unchanged=seen.unchanged, rejected=seen.rejected, held=seen.held)
    return replace(seen, outcomes=outcomes, seconds=0.0)


def update(customer: str, *changes: Change) -> Update:
    body = {change.field: change.after for change in changes}
    request = Request("PUT", f"https://shop.test/customers/c-{customer}", body)
    return Update(customer, Identity(f"c-{customer}"), 1, changes, body, (request,))


def changed(before: Leaf | Missing, after: Leaf) -> TargetPlan:
    return of(update("k1", Change("Email", before, after, ("Mail",))))


def waiting(customer: str) -> Pending:
    return Pending(customer, 1)


MIXED: Sequence[Entry] = (
    update("k1", Change("Email", "anna@old.test", "anna@new.test", ("Mail",)), Change("Phone", UNKNOWN, "+61 2 9999", ())),
    Unchanged(waiting("k2")),
    Rejection(waiting("k3"), (FieldError("Rating", "must be at most five"),)),
    Rejection(waiting("k4"), ()),
    Held(update("k5", Change("Fax", "9999", None, ("Fax",))), "max_cleared", "max_cleared: too many would lose a value"),
    Foreign(waiting("k6"), gone=True),
)


TAKEN = "at most five, said the vendor"
ENDED: Sequence[Entry] = (
    Told(update("k1", Change("Email", "anna@old.test", "anna@new.test", ("Mail",))), Outcome.DELIVERED),
    Told(update("k2", Change("Email", "bea@old.test", "bea@new.test")), Outcome.REJECTED, "Customer not found"),
    Told(update("k3", Change("Rating", 1, 9)), Outcome.REJECTED, "Not valid", (FieldError("Rating", TAKEN),)),
    Told(update("k4", Change("Fax", "1", "2")), Outcome.UNKNOWN, "no reply within 30 s"),
    Told(update("k5", Change("Fax", "3", "4")), Outcome.DEFERRED, "quota 10800/h is used up"),
    Rejection(waiting("k6"), (FieldError("Stars", "must be a number"),)),
    Held(update("k7", Change("Fax", "9999", None, ("Fax",))), "max_cleared", "max_cleared: too many would lose a value"),
    Unchanged(waiting("k8")),
)
CUSTOMERS = ("k1", "k2", "k3", "k4", "k5", "k6", "k7")


def test_whoever_is_not_in_step_is_named(report: Report) -> None:
    shown = written(report, of(*MIXED))
    assert [name for name in ("k1", "k3", "k4", "k5") if name not in shown] == []


def test_whoever_was_the_targets_and_is_not_any_more_is_named_with_the_reason(report: Report) -> None:
    gone, moved, never = Foreign(waiting("k7"), gone=True, left=True), Foreign(waiting("k8"), left=True), Foreign(waiting("k9"))
    shown = written(report, of(*MIXED, gone, moved, never))
    assert [words for words in ("k7", "gone from the source", "k8", "no longer chosen by where") if words not in shown] == []
    assert "k9" not in shown


def test_every_change_is_shown_with_where_it_comes_from(report: Report) -> None:
    shown = written(report, of(update("k1", Change("Email", "one", "two", ("Mail",)))))
    assert [word for word in ("Email", "one", "two", "Mail") if word not in shown] == []


def test_errors_and_reasons_are_told(report: Report) -> None:
    shown = written(report, of(*MIXED))
    assert [words for words in ("Rating", "must be at most five", "too many would lose a value") if words not in shown] == []


def test_a_secret_is_never_shown(report: Report) -> None:
    shown = written(report, of(update("k1", Change("Password", SECRET, SECRET)), update("k2", Change("P", UNKNOWN, [SECRET]))))
    assert "***" in shown
    assert "hunter2" not in shown
    assert "5f2c9e" not in shown


def test_what_is_not_there_is_told_from_what_is_empty_and_from_text_that_says_so(report: Report) -> None:
    befores = [UNKNOWN, ABSENT, None, "", "null", "unknown", "absent", "<null>", '""', [], False, 0, "0 "]
    shown = [written(report, changed(before, "x")) for before in befores]
    assert len(set(shown)) == len(befores)


@pytest.mark.parametrize("after", ["Anna ", "Anna\u00a0", "Anna\t", "Anna\n", "anna", "An\u200bna"])
def test_every_difference_is_seen(report: Report, after: str) -> None:
    assert written(report, changed("x", after)) != written(report, changed("x", "Anna"))


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "</script>", "a|b`c``d", "=1+1", '"; \\', "\x1b[2J\u202e", "x" * 9999]
)
def test_no_text_is_too_wild(report: Report, text: str) -> None:
    entry = update(text, Change("Name", text, f"{text}!", (text,)))
    rejection = Rejection(waiting(text), (FieldError(text, text),))
    target = plan(lambda: iter([entry, rejection, Held(entry, "gate", text)]), target=text)
    assert written(report, target, plan=text).endswith("\n")


def test_the_same_plan_gives_the_same_bytes(report: Report) -> None:
    assert written(report, of(*MIXED)) == written(report, of(*MIXED))


def test_a_plan_without_targets_or_changes_is_a_report_too(report: Report) -> None:
    assert "a plan" in written(report) or isinstance(report, Csv)
    assert written(report, of(Unchanged(waiting("k2"))))


def test_targets_of_one_plan_are_told_apart(report: Report) -> None:
    first, second = (plan(lambda: iter(MIXED), target=name) for name in ("north", "south"))
    shown = written(report, first, second)
    assert "north" in shown
    assert "south" in shown


def test_a_masked_plan_shows_no_value(report: Report) -> None:
    entries = (
        update("k1", Change("Email", "gwendolyn@corp.test", "gwendolin@corp.test"), Change("Limit", 98765, 43219)),
        Held(update("k2", Change("Name", "Przybylski", None)), "gate", "reason"),
    )
    shown = written(report, View(masked=True).of(of(*entries)))
    values = ("gwendol", "98765", "43219", "Przyb", "corp")
    assert [value for value in values if value in shown] == []
    assert "k1" in shown


TRIPPED = Tripped("max_same_value", "20%", 57, "City would be one for 57 of 59 customers", "City", "Utopia", (
    update("k8", Change("City", "Oslo", "Utopia")),
    Rejection(waiting("k9"), (FieldError("Rating", "must be at most five"),)),
))  # fmt: skip
ESTIMATE = Estimate("warehouse", 7200.0, (Allowance("10800/h", 4321), Allowance("20/d", 0, waiting=11)), 300.0)


@pytest.fixture
def page(report: Report) -> Report:
    if isinstance(report, Csv):
        pytest.skip("a line of it is a change")
    return report


@pytest.mark.parametrize("held", [True, False])
def test_a_gate_that_has_tripped_is_shown_with_its_figure_and_examples(page: Report, *, held: bool) -> None:
    target = replace(of(*MIXED if held else ()), gates=(TRIPPED,))
    shown = written(page, target).replace("\\_", "_")
    wanted = ("max_same_value", "57 of 59 customers", "Utopia", "k8", "Oslo", "k9", "must be at most five")
    assert [word for word in wanted if word not in shown] == []


def test_a_masked_plan_shows_no_value_of_a_gate_either(page: Report) -> None:
    shown = written(page, View(masked=True).of(replace(of(*MIXED), gates=(TRIPPED,))))
    assert [word for word in ("Utopia", "Oslo") if word in shown] == []
    assert "k8" in shown


@pytest.mark.parametrize("value", [None, "", SECRET, "<b>|`", ["a"], 0, "x" * 9999])
def test_a_gate_on_any_value_can_be_shown(page: Report, value: Leaf) -> None:
    shown = written(page, replace(of(), gates=(replace(TRIPPED, value=value, examples=()),)))
    assert "max" in shown
    assert "hunter2" not in shown


def test_an_estimate_tells_quotas_and_the_next_run(page: Report) -> None:
    shown = written(page, replace(of(*MIXED), estimate=ESTIMATE)).replace(",", "")
    assert [word for word in ("10800/h", "4321", "20/d", "11") if word not in shown] == []
    assert "before" in shown


def test_a_run_tells_how_everybody_ended_in_the_vendors_words(report: Report) -> None:
    shown = written(report, run(lambda: iter(ENDED)), plan="a run")
    said = ("delivered", "rejected", "unknown", "deferred", "held", "Customer not found", TAKEN, "anna@new.test")
    why = ("no reply within 30 s", "quota 10800/h is used up", "must be a number", "too many would lose a value")
    assert [words for words in (*CUSTOMERS, *said, *why) if words not in shown] == []


def test_a_run_is_not_taken_for_a_plan(report: Report) -> None:
    shown = written(report, run(lambda: iter(ENDED)), plan="it")
    assert "run" in shown.lower()
    assert "Nothing on this page has been sent" not in shown


def test_two_outcomes_of_one_update_are_told_apart(report: Report) -> None:
    changes = update("k1", Change("Email", "a", "b"))
    shown = {written(report, run(partial(iter, [Told(changes, outcome)]))) for outcome in OUTCOMES}
    assert len(shown) == len(OUTCOMES)


def test_a_masked_run_shows_no_value_and_no_words_that_may_quote_one(report: Report) -> None:
    taken = "gwendolin@corp.test is taken"
    changes = update("k1", Change("Email", "gwendolyn@corp.test", "gwendolin@corp.test"))
    entry = Told(changes, Outcome.REJECTED, taken, (FieldError("Email", taken),))
    shown = written(report, View(masked=True).of(run(lambda: iter([entry]))))
    assert "gwendol" not in shown
    assert "k1" in shown


@pytest.mark.parametrize(
    ("view", "named"),
    [
        (View(only=("changed",)), ["k1", "k4"]),
        (View(only=("rejected",)), ["k2", "k3", "k6"]),
        (View(only=("held",)), ["k5", "k7"]),
        (View(customers=frozenset({"k4"})), ["k4"]),
        (View(fields=("Rating",)), ["k3"]),
    ],
)
def test_a_run_is_narrowed_as_a_plan_is(report: Report, view: View, named: list[str]) -> None:
    shown = written(report, view.of(run(lambda: iter(ENDED))))
    assert [name for name in CUSTOMERS if name in shown] == named


def test_the_report_of_a_run_takes_the_same_memory_whatever_its_size(report: Report) -> None:
    def many() -> Iterator[Entry]:
        changes = (update(f"k{number}", Change("Email", "a@x.test", f"{number}@x.test")) for number in range(3000))
        return (Told(one, OUTCOMES[number % 2], "no") for number, one in enumerate(changes))

    target, out = run(many), _Discard()
    report.write("warm", [run(lambda: iter(ENDED))], out)
    tracemalloc.start()
    report.write("a run", [target], out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_memory_is_flat_in_the_number_of_customers(report: Report) -> None:
    def many() -> Iterator[Entry]:
        return (update(f"k{number}", Change("Email", "a@x.test", f"{number}@x.test")) for number in range(3000))

    target = plan(many)
    written_once = _Discard()
    report.write("warm", [of(*MIXED)], written_once)
    tracemalloc.start()
    report.write("a plan", [target], written_once)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


class _Discard(io.StringIO):
    """Counts what it is given, and keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:  # type: ignore[override]
        for line in lines:
            self.write(line)
