"""What the vendors saw and what the company's states were -> every rule that was broken, one line each. Pure.

An empty list means that the rule held. The rules judge by what arrived at the sandbox alone, never by what the client says.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.proof.firm import PROJECTIONS, Person, State, projected, told

Key = tuple[str, str]
"""A vendor and a customer."""
NOT_APPLIED = range(400, 500)
TOLD_SO = {None, "slow"}
"""Faults after which the client holds the vendor's own answer."""
KNOWN = {*TOLD_SO, "expire_tokens", "rate_limit", "conflict"}
"""And those after which it knows at least that nothing was applied."""
WHOLE = ("metadata",)
"""Objects that are sent as a whole when anything in them changed."""
MAPPED = {
    vendor: set(make(Person(1, "n", "e", "p", "c", "n", "1", Country="Norway")) or {}) for vendor, make in PROJECTIONS.items()
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived: when, when it was answered (None: never), what it said, and what its sender can know of it.

    `acknowledged`: it was answered as done. `maybe`: the sender cannot tell whether it was applied. `turn` is its place among
    all that were applied, None for one that was not. `gone`: the sender had hung up before the answer.
    """

    vendor: str
    customer: str
    at: float
    until: float | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    acknowledged: bool = True
    maybe: bool = False
    turn: int | None = None
    gone: bool = False
    endpoint: str = "update"

    @property
    def key(self) -> Key:
        return self.vendor, self.customer


def seen(history: Iterable[Mapping[str, Any]], in_flight: Callable[[Key], bool] = lambda _: False) -> list[Seen]:
    """The sandbox's history; `in_flight` names whose last answer the sender did not live to write down."""
    return [_seen(entry, in_flight) for entry in history]


def _seen(entry: Mapping[str, Any], in_flight: Callable[[Key], bool]) -> Seen:
    vendor, fault = entry["vendor"], entry["fault"]
    is_update = entry["endpoint"] == "update"
    lost = entry["gone"] or in_flight((vendor, entry["customer"]))
    done = not entry["error"] and entry["status"] == 200 and fault in TOLD_SO and not lost
    refused = entry["error"] and not lost and (entry["status"] in NOT_APPLIED or fault in KNOWN)
    return Seen(
        vendor,
        entry["customer"],
        entry["received"],
        entry["finished"],
        told(vendor, json.loads(entry["body"])) if is_update else {},
        done,
        not done and not refused,
        entry["turn"],
        entry["gone"],
        entry["endpoint"],
    )


def versions(states: Sequence[State]) -> dict[Key, list[Mapping[str, Any]]]:
    """What each vendor was to hold of each customer, in the order of the company's states."""
    found: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for state in states:
        for id, person in state.items():
            for vendor in PROJECTIONS:
                if (made := projected(vendor, person)) is not None:
                    found[vendor, str(id)].append(made)
    return found


def older_after_newer(requests: Sequence[Seen], states: Sequence[State]) -> list[str]:
    """Both as they were sent and as they took effect, a customer's updates only go forward through its versions."""
    known = versions(states)
    sent = sorted(_updates(requests), key=lambda request: request.at)
    applied = sorted((request for request in sent if request.turn is not None), key=lambda request: request.turn or 0)
    return _backward("sent", sent, known) + _backward("applied", applied, known)


def _backward(how: str, requests: Sequence[Seen], known: Mapping[Key, Sequence[Mapping[str, Any]]]) -> list[str]:
    wrong = []
    reached: dict[Key, int] = defaultdict(int)
    for request in requests:
        made = known.get(request.key, [])
        fits = [place for place, version in enumerate(made) if _says(request, version)]
        forward = [place for place in fits if place >= reached[request.key]]
        if forward:
            reached[request.key] = forward[0]
        elif fits:
            wrong.append(f"{_name(request)}: {how} version {fits[-1]} after {reached[request.key]}")
        else:
            wrong.append(f"{_name(request)}: {how} what was never its projection: {dict(request.fields)}")
    return wrong


def _says(request: Seen, version: Mapping[str, Any]) -> bool:
    return all(name in version and version[name] == value for name, value in request.fields.items())


def two_in_flight(requests: Sequence[Seen]) -> list[str]:
    """Nobody is told the next before the last was answered, or given up."""
    wrong = []
    for group in _grouped(requests).values():
        for before, after in pairwise(sorted(group, key=lambda request: request.at)):
            open_still = before.until is None or before.until > after.at
            if open_still and not before.gone:
                wrong.append(f"{_name(after)}: while another one was in flight")
    return wrong


Intended = tuple[Key, float, frozenset[str]]
"""Fields that a process which died at that moment had written down as about to be sent, whether they were sent or not."""


def sent_without_need(requests: Sequence[Seen], intended: Iterable[Intended] = ()) -> list[str]:
    """A field goes when it differs from what was last acknowledged, or when nobody knows what is held; else it does not."""
    wrong = []
    left = sorted(intended, key=lambda intent: intent[1])
    acknowledged: dict[Key, dict[str, Any]] = defaultdict(dict)
    doubted: dict[Key, set[str]] = defaultdict(set)
    for request in sorted(_updates(requests), key=lambda request: request.at):
        while left and left[0][1] <= request.at:
            key, _, names = left.pop(0)
            doubted[key] |= names
        holds, doubt = acknowledged[request.key], doubted[request.key]
        idle = {name for name, value in request.fields.items() if name in holds and holds[name] == value and name not in doubt}
        needed = request.fields.keys() - idle
        idle -= {name for name in idle for whole in WHOLE if name.startswith(f"{whole}.") and _any_below(whole, needed)}
        if idle:
            wrong.append(f"{_name(request)}: {', '.join(sorted(idle))} was acknowledged, and has not changed")
        if request.acknowledged:
            holds.update(request.fields)
            doubt.difference_update(request.fields)
        elif request.maybe:
            doubt.update(request.fields)
    return wrong


def _any_below(whole: str, names: Iterable[str]) -> bool:
    return any(name.startswith(f"{whole}.") for name in names)


def not_mapped(requests: Sequence[Seen], mapped: Mapping[str, set[str]] = MAPPED) -> list[str]:
    """Nothing is sent that the map does not name."""
    return [
        f"{_name(request)}: sent {', '.join(sorted(odd))}"
        for request in _updates(requests)
        if (odd := request.fields.keys() - mapped[request.vendor])
    ]


def too_fast(arrivals: Sequence[float], count: int, seconds: float) -> list[str]:
    """In no window, wherever it begins, more than so many."""
    times = sorted(arrivals)
    return [
        f"{count + 1} within {last - first:.4f} s of {first:.4f}; the limit is {count} in {seconds:g} s"
        for first, last in zip(times, times[count:], strict=False)
        if last - first < seconds
    ]


def arrivals(requests: Sequence[Seen], vendor: str) -> list[float]:
    """When anything at all arrived at this vendor: updates, repeats and sign-ins."""
    return [request.at for request in requests if request.vendor == vendor]


def _updates(requests: Sequence[Seen]) -> list[Seen]:
    return [request for request in requests if request.endpoint == "update"]


def _grouped(requests: Sequence[Seen]) -> dict[Key, list[Seen]]:
    groups: dict[Key, list[Seen]] = defaultdict(list)
    for request in _updates(requests):
        groups[request.key].append(request)
    return groups


def _name(request: Seen) -> str:
    return f"{request.vendor} {request.customer} at {request.at:.3f}"
