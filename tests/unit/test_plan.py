"""The entries of one run, kept on disk."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest

from sync.errors import FieldError
from sync.model import (
    ABSENT,
    UNKNOWN,
    Change,
    Entry,
    Foreign,
    Held,
    Identity,
    Pending,
    Rejection,
    Request,
    Secret,
    Unchanged,
    Update,
)
from sync.pipeline.figures import Figures
from sync.pipeline.plan import IN_MEMORY, Plan

PASSWORD = "hunter2-correct-horse"
SEALED = Secret("fingerprint", PASSWORD)


def update(customer: str, after: object = "b@x.org") -> Update:
    changes = (
        Change("Email", "a@x.org", after, ("Mail",)),
        Change("Tags", ABSENT, ["a"]),
        Change("Credit", UNKNOWN, Decimal("1.50")),
    )
    body = {"Email": after, "Deep": {"Credit": Decimal("1.50")}}
    requests = (Request("PUT", f"https://vendor.example/{customer}", body, (("X", "y"),)),)
    return Update(customer, Identity("1" + customer, "Name"), 3, changes, {"Email": after}, requests, frozenset({"Fax"}))


def of_every_kind() -> list[Entry]:
    return [
        update("1"),
        Unchanged(Pending("2", 1)),
        Rejection(Pending("3", 1), (FieldError("Rating", "not a number"),)),
        Held(update("4"), "max_updates", "too many"),
        Foreign(Pending("5", 1)),
        Foreign(Pending("6", 1), gone=True),
    ]


@pytest.fixture
def plan() -> Iterator[Plan]:
    made = Plan("crm", known=40)
    yield made
    made.close()


def test_what_was_written_is_read_back_page_by_page_as_often_as_asked(plan: Plan) -> None:
    plan.write(of_every_kind())
    plan.write([])
    plan.write([update("9")])
    assert [list(plan.pages()), list(plan.entries())] == [[of_every_kind(), [], [update("9")]], [*of_every_kind(), update("9")]]
    assert list(plan.entries()) == [*of_every_kind(), update("9")]


def test_no_value_stays_what_it_is_by_identity(plan: Plan) -> None:
    plan.write([update("1")])
    (read,) = plan.entries()
    assert isinstance(read, Update)
    assert (read.changes[1].before is ABSENT, read.changes[2].before is UNKNOWN) == (True, True)


def test_a_plan_that_outgrows_memory_holds_the_same_entries_on_disk(plan: Plan) -> None:
    long = "x" * 5000
    pages = [[update(f"{page}-{number}", long) for number in range(100)] for page in range(20)]
    for page in pages:
        plan.write(page)
    assert len(long) * 2 * 20 * 100 > IN_MEMORY
    assert [entry.customer for entry in plan.entries()] == [entry.customer for page in pages for entry in page]
    assert list(plan.pages()) == pages
    assert plan.figures.updates == 2000


def test_two_readers_do_not_disturb_each_other(plan: Plan) -> None:
    plan.write([update("1")])
    plan.write([update("2")])
    first, second = plan.entries(), plan.entries()
    assert [next(first).customer, next(second).customer, next(first).customer, next(second).customer] == ["1", "1", "2", "2"]


def test_reading_and_writing_may_take_turns(plan: Plan) -> None:
    plan.write([update("1")])
    plan.write([update("2")])
    reader = plan.entries()
    assert next(reader).customer == "1"
    plan.write([update("3")])
    assert [entry.customer for entry in reader] == ["2", "3"]
    assert [entry.customer for entry in plan.entries()] == ["1", "2", "3"]


def test_a_passwords_text_never_touches_the_disk(plan: Plan) -> None:
    known = update("1", SEALED)
    plan.write([known, Held(known, "max_updates", "why")])
    plan._file.seek(0)
    assert PASSWORD.encode() not in plan._file.read()
    read = next(plan.entries())
    assert isinstance(read, Update)
    assert read == known
    sealed = [read.changes[0].after, read.leaves["Email"], (read.requests[0].body or {})["Email"]]
    assert [secret.text for secret in sealed] == [None] * 3


def test_the_figures_are_counted_while_writing(plan: Plan) -> None:
    plan.write(of_every_kind())
    assert plan.figures == Figures(40, 1, 1, 1, 1, 1, foreign=2, fields=Counter(("Email", "Tags", "Credit")))


def test_who_claims_the_id_of_others_is_rejected_naming_them_and_counted_anew(plan: Plan) -> None:
    plan.write([update("1"), update("2"), update("3")])
    plan.contest({"1": ("3", "8"), "3": ("1", "8"), "8": ("1", "3")})
    said = "the same vendor id is claimed by customer "
    assert list(plan.entries()) == [
        Rejection(Pending("1", 3), (FieldError("id", said + "3, 8"),), parked=False),
        update("2"),
        Rejection(Pending("3", 3), (FieldError("id", said + "1, 8"),), parked=False),
    ]
    assert (plan.figures.updates, plan.figures.rejected, plan.figures.fields["Email"], plan.figures.known) == (1, 2, 1, 40)


def test_every_claim_counts_but_that_of_somebody_elses_customer(plan: Plan) -> None:
    plan.write(of_every_kind())
    plan.contest({str(number): ("99",) for number in range(1, 7)})
    error = FieldError("id", "the same vendor id is claimed by customer 99")
    assert list(plan.entries()) == [
        Rejection(Pending("1", 3), (error,), parked=False),
        Rejection(Pending("2", 1), (error,), parked=False),
        Rejection(Pending("3", 1), (FieldError("Rating", "not a number"), error), parked=False),
        Rejection(Pending("4", 3), (error,), parked=False),
        *of_every_kind()[4:],
    ]


def test_what_a_gate_names_is_held_and_counted_anew(plan: Plan) -> None:
    plan.write([update("1"), update("2"), Unchanged(Pending("3", 1))])
    plan.gate(lambda entry: [Held(entry, "max_cleared", "why") if isinstance(entry, Update) and entry.customer == "2" else entry])
    assert list(plan.entries()) == [update("1"), Held(update("2"), "max_cleared", "why"), Unchanged(Pending("3", 1))]
    assert (plan.figures.updates, plan.figures.held, plan.figures.unchanged) == (1, 1, 1)


def test_a_rejected_claim_is_not_held_as_well(plan: Plan) -> None:
    plan.write([update("1"), update("2")])
    plan.contest({"1": ("2",), "2": ("1",)})
    plan.gate(lambda entry: [Held(entry, "max_updates", "why")] if isinstance(entry, Update) else [entry])
    assert (plan.figures.rejected, plan.figures.held) == (2, 0)
