"""Who is out of step -> a list to filter and to act on; one customer -> the same across all targets, field by field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from sync.errors import SourceError, StateError, SyncError
from sync.model import Explanation, Outcome, Secret, Wanted
from sync.reports.listings import reasons
from sync.reports.masking import mask_explanation
from sync.service.dashboard.desk import HOUSE, House
from sync.service.dashboard.paper import asked, page, sent

ROWS: Final = 50
COUNTED: Final = 10_000
"""Beyond so many, nobody counts."""
STATES: Final = (Outcome.REJECTED, Outcome.HELD, Outcome.UNKNOWN, Outcome.DEFERRED, Outcome.UNDONE)


async def out_of_step(request: web.Request) -> web.Response:
    """`?target=`, `?outcome=` and `?text=` narrow the list, `?after=` (target/customer) is where it goes on."""
    house, wants = request.app[HOUSE], asked(request, {"target": "", "outcome": "", "text": "", "after": ""})
    wanted = Wanted(wants["target"], wants["outcome"], wants["text"])
    target, _, customer = wants["after"].partition("/")
    found = await house.lists.out_of_step(wanted, (target, customer), ROWS + 1)
    rows = [(failure, reasons(failure)) for failure in found[:ROWS]]
    return page(
        request,
        "out_of_step.html",
        rows=rows,
        following=f"{found[ROWS - 1].target}/{found[ROWS - 1].customer}" if len(found) > ROWS else "",
        number=await house.lists.count(wanted, COUNTED),
        counted=COUNTED,
        wants=wants,
        targets=list(house.engine.turns),
        states=[outcome.value for outcome in STATES],
        gates=await _gates(house),
    )


async def _gates(house: House) -> list[tuple[str, str, int]]:
    """What each gate holds: target, gate, how many customers."""
    counts: dict[tuple[str, str], int] = {}
    for target in house.engine.turns:
        for held in await house.lists.holding(target):
            counts[target, held.gate] = counts.get((target, held.gate), 0) + held.customers
    return [(target, gate, number) for (target, gate), number in counts.items()]


@dataclass(frozen=True, slots=True)
class Part:
    """One target's view of a customer, or why there is none."""

    target: str
    source: str
    explanation: Explanation | None
    trouble: str = ""


async def customer(request: web.Request) -> web.Response:
    """`?key=` is the customer's key at its source."""
    key = asked(request, {"key": ""})["key"].strip()
    house = request.app[HOUSE]
    parts = [await _part(house, target, key) for target in house.engine.turns] if key else []
    found = [part for part in parts if part.explanation]
    status = 200 if found or not key or any(part.trouble for part in parts) else 404
    troubles = [] if found else list(dict.fromkeys(part.trouble for part in parts if part.trouble))
    waits = any(part.explanation and part.explanation.failure for part in found)
    plans = {part.target: sent(part.explanation.planned) for part in found if part.explanation}
    return page(
        request,
        "customer.html",
        status=status,
        key=key,
        found=found,
        troubles=troubles,
        plans=plans,
        sources=_sources(found),
        waits=waits,
    )


async def _part(house: House, target: str, key: str) -> Part:
    """A source that cannot be read is told; of a target that knows nothing of the customer there is nothing to tell."""
    source = house.engine.turns[target].target.source
    failures = await house.lists.out_of_step(Wanted(target, customer=key), ("", ""), 1)
    try:
        explanation = await house.at_work.explain(target, key, next(iter(failures), None))
    except (SourceError, StateError) as error:
        return Part(target, source, None, str(error))
    except SyncError:
        return Part(target, source, None)
    return Part(target, source, mask_explanation(explanation) if house.at_work.mask else explanation)


def _sources(parts: Sequence[Part]) -> dict[str, dict[str, Any]]:
    """The fields that the maps read, by source; one that any target keeps secret is so everywhere."""
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        for step in part.explanation.steps if part.explanation else ():
            values = found.setdefault(part.source, {})
            values |= {name: value for name, value in step.sources.items() if not isinstance(values.get(name), Secret)}
    return {source: values for source, values in found.items() if values}
