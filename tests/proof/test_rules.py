"""The checker can fail: a made-up history that breaks a rule is found, one that keeps all of them is not."""

from dataclasses import replace
from typing import Any

import pytest

from tests.proof import rules
from tests.proof.firm import Person, out_of_step, people, projected
from tests.proof.rules import Seen

A = Person(1, "Ann", "a@example.org")
B = replace(A, Name="Bea", Phone="1")
C = replace(A, Name="Cid", Phone="2")
STATES = [{1: A}, {1: B}, {1: C}]
BACK = [{1: A}, {1: B}, {1: A}]


def sent(at: float, *, until: float | None = 0.0, **values: Any) -> Seen:
    """One update of customer 1 at Sellercloud; by default answered at once, and as done."""
    more = {name: values.pop(name) for name in ("acknowledged", "maybe", "turn", "gone", "endpoint") if name in values}
    return Seen("sellercloud", "1", at, at + 0.1 if until == 0.0 else until, values, turn=more.pop("turn", int(at)), **more)


GOOD = [sent(1, Name="Ann"), sent(2, Name="Bea", Phone1="1"), sent(3, Name="Cid", Phone1="2")]


def test_a_history_that_keeps_the_rules_breaks_none() -> None:
    assert rules.older_after_newer(GOOD, STATES) == []
    assert rules.two_in_flight(GOOD) == []
    assert rules.sent_without_need(GOOD) == []
    assert rules.not_mapped(GOOD) == []
    assert rules.too_fast([request.at for request in GOOD], 1, 1.0) == []


# ---- no lost update


def test_a_target_that_holds_the_projection_is_in_step() -> None:
    held = {"sellercloud": {"1": projected("sellercloud", B)}, "rpm": {"1": projected("rpm", B)}}
    held |= {"webcommander": {"1": projected("webcommander", B)}, "sparklayer": {"1": projected("sparklayer", B)}}
    assert out_of_step(held, [{1: B}]) == []


@pytest.mark.parametrize(
    "values", [{"Name": "Ann"}, {"Phone1": None}, {"Phone1": "12"}, {"Email": "b@example.org"}, {"IsWholesale": False}]
)
def test_a_value_that_is_not_the_projection_is_a_lost_update(values: dict[str, Any]) -> None:
    held = {"sellercloud": {"1": (projected("sellercloud", B) or {}) | values}}
    [wrong] = [line for line in out_of_step(held, [{1: A}, {1: B}]) if line.startswith("sellercloud")]
    assert f"sellercloud 1 {next(iter(values))}" in wrong


def test_a_customer_that_a_target_does_not_hold_is_a_lost_update() -> None:
    assert len(out_of_step({}, [{1: B}])) >= 4


def test_a_customer_that_a_target_was_never_to_be_told_about_is_found() -> None:
    abroad = people(12)[6]
    assert any("webcommander 6 was never" in line for line in out_of_step({"webcommander": {"6": {}}}, [{6: abroad}]))


def test_a_value_that_a_map_clears_has_to_be_gone() -> None:
    held = {"sellercloud": {"1": (projected("sellercloud", A) or {}) | {"Phone1": "1"}}}
    assert any("sellercloud 1 Phone1" in line for line in out_of_step(held, [{1: B}, {1: A}]))


# ---- older after newer


def test_an_older_version_sent_after_a_newer_one_is_found() -> None:
    assert len(rules.older_after_newer([GOOD[2], replace(GOOD[1], at=4, turn=4)], STATES)) == 2


def test_an_older_version_that_took_effect_later_is_found_although_it_was_sent_first() -> None:
    [wrong] = rules.older_after_newer([replace(GOOD[1], turn=9), GOOD[2]], STATES)
    assert "applied" in wrong


def test_a_value_that_was_never_the_projection_is_found() -> None:
    assert "never" in rules.older_after_newer([sent(1, Name="Ann", Phone1="2")], STATES)[0]


def test_back_to_what_it_was_is_forward() -> None:
    assert rules.older_after_newer([GOOD[0], GOOD[1], sent(3, Name="Ann", Phone1=None)], BACK) == []


# ---- in flight


def test_two_at_once_for_one_customer_are_found() -> None:
    assert len(rules.two_in_flight([sent(1, until=3, Name="Ann"), sent(2, Name="Bea")])) == 1


def test_one_that_was_never_answered_is_in_flight_for_ever() -> None:
    assert len(rules.two_in_flight([sent(1, until=None, Name="Ann"), sent(2, Name="Bea")])) == 1


def test_one_that_was_given_up_is_not_in_flight() -> None:
    assert rules.two_in_flight([sent(1, until=3, gone=True, Name="Ann"), sent(2, Name="Bea")]) == []


def test_two_at_once_for_two_customers_or_targets_are_well() -> None:
    one = sent(1, until=3, Name="Ann")
    assert rules.two_in_flight([one, replace(one, customer="2"), replace(one, vendor="rpm")]) == []


# ---- without need


def test_the_same_again_after_it_was_acknowledged_is_found() -> None:
    assert len(rules.sent_without_need([GOOD[0], replace(GOOD[0], at=2)])) == 1


def test_an_unchanged_field_beside_one_that_changed_is_found() -> None:
    [wrong] = rules.sent_without_need([sent(1, Name="Ann", Phone1="1"), sent(2, Name="Bea", Phone1="1")])
    assert "Phone1 was acknowledged" in wrong


def test_the_same_again_after_a_refusal_is_well_but_not_what_was_acknowledged_before_it() -> None:
    refused = sent(2, acknowledged=False, turn=None, Name="Bea")
    assert rules.sent_without_need([GOOD[0], refused, sent(3, Name="Bea")]) == []
    assert len(rules.sent_without_need([GOOD[0], refused, sent(3, Name="Ann")])) == 1


def test_what_was_in_flight_or_unknown_may_be_sent_again_once() -> None:
    lost = sent(2, acknowledged=False, maybe=True, Name="Bea")
    assert rules.sent_without_need([GOOD[0], lost, sent(3, Name="Ann")]) == []
    assert len(rules.sent_without_need([GOOD[0], lost, sent(3, Name="Ann"), sent(4, Name="Ann")])) == 1


def test_an_object_that_goes_as_a_whole_takes_its_members_along_but_not_alone() -> None:
    first = replace(sent(1), fields={"metadata.a": "1", "metadata.b": "1"})
    assert rules.sent_without_need([first, replace(sent(2), fields={"metadata.a": "2", "metadata.b": "1"})]) == []
    assert len(rules.sent_without_need([first, replace(sent(2), fields={"metadata.a": "1"})])) == 1


# ---- mapped


def test_a_field_that_is_not_mapped_is_found() -> None:
    assert "Fax" in rules.not_mapped([sent(1, Name="Ann", Fax="1")])[0]


# ---- pace


def test_one_too_many_in_a_window_that_begins_anywhere_is_found() -> None:
    assert len(rules.too_fast([0.0, 0.9, 1.1, 1.8, 1.85], 3, 1.0)) == 1
    assert rules.too_fast([0.0, 0.9, 1.1, 1.89, 1.91], 3, 1.0) == []


def test_sign_ins_and_repeats_count_as_arrivals() -> None:
    requests = [sent(1.0, Name="Ann"), sent(1.2, endpoint="token"), sent(1.4, acknowledged=False, Name="Ann")]
    assert len(rules.too_fast(rules.arrivals(requests, "sellercloud"), 2, 1.0)) == 1


# ---- the sandbox's words


def entry(**values: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"vendor": "sellercloud", "customer": "1", "endpoint": "update", "body": '{"Name": "Ann"}'}
    known |= {"received": 1.0, "finished": 1.1, "status": 200, "error": False, "turn": 1, "gone": False, "fault": None}
    return known | values


@pytest.mark.parametrize(
    ("values", "acknowledged", "maybe"),
    [
        ({}, True, False),
        ({"gone": True}, False, True),
        ({"status": 0, "error": True, "fault": "drop_before"}, False, True),
        ({"status": 0, "error": True, "fault": "drop_after"}, False, True),
        ({"status": 503, "error": True, "fault": "status"}, False, True),
        ({"error": True, "fault": "garbage"}, False, True),
        ({"fault": "wrong_id"}, False, True),
        ({"status": 401, "error": True, "fault": "expire_tokens"}, False, False),
        ({"status": 429, "error": True, "fault": "rate_limit"}, False, False),
        ({"status": 400, "error": True}, False, False),
        ({"status": 200, "error": True}, False, False),
        ({"status": None, "finished": None}, False, True),
    ],
)
def test_what_the_sender_can_know_of_an_answer(values: dict[str, Any], acknowledged: bool, maybe: bool) -> None:
    [found] = rules.seen([entry(**values)])
    assert (found.acknowledged, found.maybe) == (acknowledged, maybe)


def test_what_a_killed_process_did_not_write_down_is_not_known() -> None:
    [found] = rules.seen([entry()], lambda key: key == ("sellercloud", "1"))
    assert (found.acknowledged, found.maybe) == (False, True)
