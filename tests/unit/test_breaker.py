"""Is the vendor unwell?"""

from sync.pipeline.breaker import Breaker, BreakerPolicy

POLICY = BreakerPolicy(failures=5, customers=3, cooldown=10.0, probes=2)


def opened() -> Breaker:
    """Opened at 100.0."""
    breaker = Breaker(POLICY)
    for customer in "abcab":
        breaker.failed(customer, 100.0)
    return breaker


def test_it_is_closed_at_first_and_admits_everybody() -> None:
    breaker = Breaker(POLICY)
    assert (breaker.closed, breaker.spent, breaker.wait(0.0), breaker.admits("a"), breaker.admits("b")) == (
        True,
        False,
        0.0,
        True,
        True,
    )


def test_it_opens_after_so_many_failures_in_a_row_among_so_many_customers() -> None:
    breaker = Breaker(POLICY)
    for customer in "abca":
        breaker.failed(customer, 100.0)
    assert breaker.closed
    breaker.failed("b", 100.0)
    assert (breaker.closed, breaker.wait(100.0), breaker.wait(104.0), breaker.wait(111.0)) == (False, 10.0, 6.0, 0.0)


def test_one_customer_that_always_fails_says_nothing_of_the_vendor() -> None:
    breaker = Breaker(POLICY)
    for _ in range(100):
        breaker.failed("a", 100.0)
    breaker.failed("b", 100.0)
    assert breaker.closed
    breaker.failed("c", 100.0)
    assert not breaker.closed


def test_an_answer_in_between_starts_the_count_anew() -> None:
    breaker = Breaker(POLICY)
    for customer in "abca":
        breaker.failed(customer, 100.0)
    breaker.succeeded()
    for customer in "abca":
        breaker.failed(customer, 100.0)
    assert breaker.closed


def test_customers_that_failed_before_the_vendor_answered_do_not_count_any_more() -> None:
    breaker = Breaker(BreakerPolicy(failures=3, customers=2))
    breaker.failed("1", 0.0)
    breaker.failed("2", 0.0)
    breaker.succeeded()
    for _ in range(5):
        breaker.failed("1", 0.0)
    assert breaker.closed


def test_only_one_customer_probes_and_it_may_do_so_again() -> None:
    breaker = opened()
    assert [breaker.admits(customer) for customer in "abab"] == [True, False, True, False]


def test_a_probe_that_succeeds_closes_it_for_everybody() -> None:
    breaker = opened()
    breaker.admits("a")
    breaker.succeeded()
    assert (breaker.closed, breaker.wait(101.0), breaker.admits("b"), breaker.spent) == (True, 0.0, True, False)


def test_a_probe_that_fails_keeps_it_open_for_another_cooldown_and_another_customer() -> None:
    breaker = opened()
    breaker.admits("a")
    breaker.failed("a", 115.0)
    assert (breaker.closed, breaker.wait(115.0), breaker.spent) == (False, 10.0, False)
    assert [breaker.admits("b"), breaker.admits("a")] == [True, False]


def test_it_is_spent_after_so_many_probes_in_vain() -> None:
    breaker = opened()
    for customer, now in (("a", 115.0), ("b", 130.0)):
        assert not breaker.spent
        breaker.admits(customer)
        breaker.failed(customer, now)
    assert breaker.spent


def test_a_success_forgets_the_probes() -> None:
    breaker = opened()
    breaker.admits("a")
    breaker.failed("a", 115.0)
    breaker.succeeded()
    for customer in "abcab":
        breaker.failed(customer, 200.0)
    breaker.admits("a")
    breaker.failed("a", 215.0)
    assert not breaker.spent


def test_a_failure_that_was_under_way_when_it_opened_does_not_prolong_it() -> None:
    breaker = opened()
    breaker.failed("d", 109.0)
    assert breaker.wait(109.0) == 1.0


def test_a_probe_that_leaves_without_an_answer_lets_another_probe() -> None:
    breaker = opened()
    assert breaker.admits("a")
    breaker.left("b")
    assert not breaker.admits("b")
    breaker.left("a")
    assert breaker.admits("b")
    assert not breaker.spent


def test_whoever_is_encouraged_may_probe_as_often_again_and_nobody_else_may_send() -> None:
    breaker = opened()
    for now in (115.0, 130.0):
        breaker.admits("a")
        breaker.failed("a", now)
    assert breaker.spent
    breaker.encourage()
    assert (breaker.spent, breaker.closed, breaker.wait(130.0)) == (False, False, 10.0)
    assert [breaker.admits("b"), breaker.admits("a")] == [True, False]
    breaker.failed("b", 140.0)
    assert not breaker.spent
