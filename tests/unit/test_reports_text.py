"""The report for a terminal."""

import io
from dataclasses import replace

import pytest

from sync.errors import FieldError
from sync.model import (
    UNKNOWN,
    Allowance,
    Change,
    Estimate,
    Held,
    Hold,
    Identity,
    Pending,
    Rejection,
    Request,
    TargetPlan,
    Tripped,
    Unchanged,
    Update,
)
from sync.reports.text import Text, TextPolicy


def update(customer: str, *changes: Change) -> Update:
    request = Request("PUT", f"https://x.test/{customer}", {change.field: change.after for change in changes})
    return Update(customer, Identity(f"47{customer}"), 1, changes, {}, (request,))


ENTRIES = (
    update("7", Change("Email", "a@x.org", "b@x.org", ("Mail",)), Change("Phone1", UNKNOWN, "+61 2", ("Phone",))),
    update("8", Change("Email", "c@x.org", None, ("Mail",))),
    Unchanged(Pending("1", 1)),
    Rejection(Pending("9", 1), (FieldError("Rating", "must be at most 5"),)),
    Held(
        update("6", Change("Fax", "1", "")), "max_cleared", "max_cleared: 1 of 40 customers would lose a value; the limit is 1%"
    ),
)
TARGET = TargetPlan("crm", 2, 2, 1, 1, 1, {"Phone1": 1, "Email": 2}, 402.0, lambda: iter(ENTRIES))
NOTHING = TargetPlan("rpm", 0, 0, 1060, 0, 0, {}, 0.0, lambda: iter(()))

PACED = "2 requests, about 6 min 42 s at the account's pace"
WHOLE = """\
Plan p1

target  updates  unchanged  rejected  held  requests  time
crm           2          1         1     1         2  6 min 42 s
rpm           0      1,060         0     0         0  -
all           2      1,061         1     1         2  -

crm  2 requests, about 6 min 42 s at the account's pace
  changes  Email 2  Phone1 1

  2 updates
    customer 7  id 477
      Email   "a@x.org" -> "b@x.org"  from Mail
      Phone1  unknown -> "+61 2"  from Phone
      PUT https://x.test/7 {"Email":"b@x.org","Phone1":"+61 2"}
    customer 8  id 478
      Email   "c@x.org" -> null  from Mail
      PUT https://x.test/8 {"Email":null}

  1 rejected
    customer 9
      Rating  must be at most 5

  1 held
    customer 6  id 476
      1 of 40 customers would lose a value; the limit is 1%  max_cleared
      Fax     "1" -> ""
      PUT https://x.test/6 {"Fax":""}
"""


def written(policy: TextPolicy, *targets: TargetPlan) -> str:
    out = io.StringIO()
    Text(policy).write("p1", targets, out)
    return out.getvalue()


def changed(before: object, after: object, **policy: int) -> list[str]:
    target = TargetPlan("crm", 1, 1, 0, 0, 0, {"Notes": 1}, 0, lambda: iter([update("7", Change("Notes", before, after))]))
    return written(TextPolicy(**policy), target).splitlines()


def test_figures_come_first_then_every_customer() -> None:
    assert written(TextPolicy(requests=True), TARGET, NOTHING) == WHOLE


def test_requests_are_shown_only_where_asked_for() -> None:
    assert "PUT" not in written(TextPolicy(), TARGET)


def test_a_list_is_cut_with_how_many_more() -> None:
    shown = written(TextPolicy(limit=1), TARGET)
    assert "customer 8" not in shown
    assert shown.count("    ... and 1 more\n") == 1


def test_colour_changes_nothing_but_the_colour() -> None:
    shown = written(TextPolicy(requests=True, colour=True), TARGET, NOTHING)
    assert "\x1b[7;31ma\x1b[0m" in shown
    assert _plain(shown) == WHOLE


def test_values_that_do_not_fit_beside_each_other_stand_below_each_other() -> None:
    lines = changed("one " * 12, "two " * 12, width=80)
    assert [line.strip()[:10] for line in lines[-3:]] == ["Notes", '- "one one', '+ "two two']


def test_no_line_with_a_value_is_longer_than_the_width() -> None:
    lines = changed("x" * 5000, "y" * 5000, width=100)
    assert max(map(len, lines)) <= 100


def test_a_request_is_never_cut() -> None:
    target = TargetPlan("crm", 1, 1, 0, 0, 0, {"N": 1}, 0, lambda: iter([update("7", Change("N", UNKNOWN, "x" * 5000))]))
    assert f'{{"N":"{"x" * 5000}"}}' in written(TextPolicy(requests=True), target)


def test_a_terminal_is_not_commanded_by_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    entry = update("7", Change("N", UNKNOWN, "\x9b2J\u202e"))
    Text(TextPolicy(requests=True, colour=False)).write(
        "p1", [TargetPlan("crm", 1, 1, 0, 0, 0, {"N": 1}, 0, lambda: iter([entry]))], out
    )
    assert '{"N":"\\u009b2J\\u202e"}' in out.getvalue()


def test_an_unpaced_account_gives_no_time() -> None:
    assert "1 request, not paced" in "\n".join(changed("a", "b"))


def _plain(text: str) -> str:
    return "".join(part.partition("m")[2] if number else part for number, part in enumerate(text.split("\x1b[")))


def test_a_tripped_gate_comes_before_the_customers_with_value_and_examples() -> None:
    example = Update("7", Identity("477"), 1, (Change("City", "Oslo", "Utopia"),), {}, ())
    rejected = Rejection(Pending("9", 1), (FieldError("Rating", "must be at most 5"),))
    reason = "City would get one and the same value for 57 of 59 customers; the limit is 20%"
    gates = (
        Tripped("max_same_value", "20%", 57, reason, "City", "Utopia", (example,)),
        Tripped("max_rejected", "1", 2, "2 of 59 customers are rejected; the limit is 1", examples=(rejected,)),
    )
    assert written(TextPolicy(), replace(NOTHING, gates=gates)).splitlines()[5:] == [
        "rpm  no request",
        "",
        f"  max_same_value  {reason}",
        '    value "Utopia"',
        "    customer 7  id 477",
        '      City  "Oslo" -> "Utopia"',
        "",
        "  max_rejected  2 of 59 customers are rejected; the limit is 1",
        "    customer 9",
        "      Rating  must be at most 5",
    ]


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (Estimate("a", 402.0), PACED),
        (
            Estimate("a", 402.0, (Allowance("10800/h", 10798),), 600.0),
            f"{PACED}; 10,798 of 10800/h left; before the next scheduled run in 10 min 00 s",
        ),
        (
            Estimate("a", 7200.0, (Allowance("9/h", 0, waiting=1),), 300.0),
            (
                f"{PACED}; done in 2 h 00 min, as account a allows; 0 of 9/h left, and 1 call has to wait for it"
                "; not before the next scheduled run in 5 min 00 s"
            ),
        ),
    ],
)
def test_an_estimate_says_what_a_plan_means_for_its_account(estimate: Estimate, said: str) -> None:
    assert f"crm  {said}" in written(TextPolicy(), replace(TARGET, estimate=estimate)).splitlines()


def test_of_a_customer_that_several_gates_hold_each_has_its_line() -> None:
    email, fax = Change("Email", "a", "b"), Change("Fax", "1", "")
    holds = (Hold("max_cleared", "too many cleared", ("Fax",)), Hold("max_updates", "too many", ("Email", "Fax")))
    held = Held(update("6", email, fax), "max_cleared", "max_cleared: too many cleared; max_updates: too many", holds)
    target = TargetPlan("crm", 0, 0, 0, 0, 1, {}, 0, lambda: iter([held]))
    assert written(TextPolicy(), target).splitlines()[-5:] == [
        "    customer 6  id 476",
        "      too many cleared  max_cleared",
        "      too many  max_updates",
        '      Email  "a" -> "b"',
        '      Fax  "1" -> ""',
    ]
