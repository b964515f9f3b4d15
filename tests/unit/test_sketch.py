"""Heavy hitters: what comes often is found, in bounded memory."""

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from sync.model import Change, Entry, Identity, Pending, Secret, Unchanged, Update
from sync.pipeline.heavy import MOST_COUNTED, heaviest
from sync.pipeline.sketch import CAPACITY, Sketch, key_of


def sketch(keys: Iterator[int] | list[int]) -> Sketch:
    made = Sketch()
    for key in keys:
        made.add(key)
    return made


def test_few_values_are_counted_exactly() -> None:
    made = sketch([1, 2, 1, 3, 1])
    assert (made.counts, made.missed, made.seen) == ({1: 3, 2: 1, 3: 1}, 0, 5)
    assert made.above(2) == {1}
    assert made.above(3) == set()


@pytest.mark.parametrize("seed", range(5))
def test_what_is_not_counted_came_at_most_as_often_as_was_missed(seed: int) -> None:
    random = Random(seed)
    keys = [int(random.paretovariate(0.4)) for _ in range(40_000)]
    made, true = sketch(keys), Counter(keys)
    assert made.missed > 0
    assert max(count for key, count in true.items() if key not in made.counts) <= made.missed
    assert all(made.counts[key] <= true[key] <= made.counts[key] + made.missed for key in made.counts)
    most = made.missed + 5
    assert (made.above(most) or set()) >= {key for key, count in true.items() if count > most}
    assert made.above(made.missed - 1) is None


def test_memory_is_bounded_however_long_the_stream() -> None:
    made = sketch(iter(range(CAPACITY)))
    tracemalloc.start()
    for key in range(300_000):
        made.add(key)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made.counts) <= CAPACITY
    assert peak < 1_000_000


SAME = [(1, Decimal("1.0")), (Decimal("1.50"), Decimal("1.5")), (0, Decimal("-0.00")), (Secret("f", "a"), Secret("f"))]
OTHER: list[Any] = [
    1, True, "1", None, "", "None", [], [""], ["", ""], ["1"], [1], [["1"]], 0, False, Secret("1"), Decimal("1.1"),
    10**40, 10**40 + 1, "\ud800", ["a", "b"], ["b", "a"], ["ab"],
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_values_that_mean_the_same_have_one_key(one: Any, other: Any) -> None:
    assert key_of(one) == key_of(other)


def test_values_that_differ_have_keys_that_differ() -> None:
    keys = sorted(map(key_of, OTHER))
    assert [one for one, next_one in pairwise(keys) if one == next_one] == []


# ---- over a plan


def entries(values: list[str]) -> Iterator[Entry]:
    yield Unchanged(Pending("u", 1))
    for number, value in enumerate(values):
        yield Update(str(number), Identity("1"), 1, (Change("F", "", value),), {}, ())


def found(values: list[str], most: float) -> list[tuple[str, Any, int, int | None]]:
    kept = sketch([key_of(value) for value in values])
    return [
        (one.field, one.value, one.count, len(one.keys) if one.keys is not None else None)
        for one in heaviest({"F": kept}, lambda: entries(values), most)
    ]


def test_what_too_many_get_is_found_and_counted_exactly() -> None:
    values = [f"v{number}" for number in range(5000)]
    values[::10] = ["same"] * 500
    values[1::50] = ["other"] * 100
    assert found(values, 99) == [("F", "same", 500, 2)]
    assert found(values, 100) == [("F", "same", 500, 1)]
    assert found(values, 499.5) == [("F", "same", 500, 1)]
    assert found(values, 500) == []


def test_a_limit_below_what_the_sketch_can_tell_is_counted_in_several_passes() -> None:
    values = [f"v{number}" for number in range(MOST_COUNTED + 10)]
    values[-10:] = ["rare"] * 3 + ["rarer"] * 2 + ["last"] * 5
    assert sketch([key_of(value) for value in values]).above(2) is None
    assert found(values, 2) == [("F", "last", 5, 2)]
    assert found(values, 0) == [("F", "last", 5, 3)]
