"""Where things stand, and what a person does about it: status, failures, explain, retry, release."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime

from sync.app.parts import REMEMBERED, chosen_targets, open_board, open_feeds, state_path
from sync.errors import SourceError, SyncError
from sync.log import Redactor
from sync.model import Explanation, Failure, Holding, Released, Run, Standing, Tally
from sync.pipeline.explain import Asked, explained
from sync.pipeline.gates import GATES
from sync.pipeline.rules import nearest
from sync.settings import Settings
from sync.stores.file import is_locked, secret_key
from sync.stores.holds import held_in
from sync.stores.sqlite import open_forgetful, open_store

LAST_RUNS = 5
"""So many are listed."""


@dataclass(frozen=True, slots=True)
class State:
    """Where things stand: per target, when the state was last written, and the last runs."""

    tallies: tuple[Tally, ...]
    accounts: Mapping[str, Standing]
    written: datetime | None
    runs: tuple[Run, ...]


async def standing(settings: Settings) -> State:
    """Where things stand."""
    path = state_path(settings)
    ledger = open_forgetful(path)
    try:
        tallies = {tally.target: tally for tally in await ledger.tally()}
        every = [tallies.get(name, Tally(name, 0, 0, {})) for name in settings.targets]
        flying = {} if is_locked(path) else await ledger.in_flight()
        listed = await ledger.failures(tuple(flying)) if flying else []
        accounts = {name: await ledger.standing(name) for name in settings.accounts}
        runs = await ledger.runs(LAST_RUNS)
    finally:
        await ledger.close()
    written = max((file.stat().st_mtime for file in (path, path.with_name(path.name + "-wal")) if file.exists()), default=None)
    told = tuple(_ended(tally, listed) if tally.target in flying else tally for tally in every)
    at = datetime.fromtimestamp(written).astimezone() if written else None
    return State(told, accounts, at, tuple(runs if is_locked(path) else map(_broken_off, runs)))


def _ended(tally: Tally, listed: Sequence[Failure]) -> Tally:
    """What was in flight when the process ended is unknown, also before the next run has written that down."""
    return replace(tally, outcomes=dict(Counter(one.outcome.value for one in listed if one.target == tally.target)))


def _broken_off(run: Run) -> Run:
    """Nobody works on the state: what has not ended was interrupted."""
    return replace(run, report={**run.report, "interrupted": True}) if run.ended is None else run


async def failures(settings: Settings, names: Sequence[str]) -> list[Failure]:
    """Who is out of step."""
    chosen = chosen_targets(settings, names)
    ledger = open_forgetful(state_path(settings))
    try:
        return [failure for failure in await ledger.failures(chosen) if failure.target in settings.targets]
    finally:
        await ledger.close()


async def explain(settings: Settings, name: str, customer: str, field: str | None) -> Explanation:
    """Why the target holds this value of this customer. Sends and writes nothing. Raises ConfigError, SourceError, StateError."""
    chosen_targets(settings, [name])
    async with AsyncExitStack() as stack:
        path = state_path(settings)
        ledger = open_forgetful(path)
        stack.push_async_callback(ledger.close)
        board = open_board(settings, Redactor(), stack)
        feeds, troubles = await open_feeds(board, [name], secret_key(path), stack)
        if troubles:
            raise SourceError(troubles[0])
        failures = [failure for failure in await ledger.failures([name]) if failure.customer == customer]
        return await explained(
            Asked(feeds[0].chosen[0], feeds[0].source, ledger, settings.targets[name].table.fields),
            customer,
            field,
            failures[0] if failures else None,
        )


async def retry(settings: Settings, names: Sequence[str], customers: Sequence[str]) -> int:
    """Lets customers be planned again with the next run."""
    chosen = chosen_targets(settings, names)
    if not state_path(settings).exists():
        return 0
    store = open_store(state_path(settings), exclusive=False)
    try:
        return await store.retry(chosen, customers)
    finally:
        await store.close()


async def release(settings: Settings, target: str, gate: str, plan: str | None) -> Released:
    """Lets what a gate holds now through this gate. Raises ConfigError, SyncError where a name is wrong."""
    chosen_targets(settings, [target])
    if gate not in GATES:
        raise SyncError(f"there is no gate {gate}{nearest(gate, GATES)}; there are {', '.join(GATES)}")
    if not state_path(settings).exists():
        return Released(0)
    store = open_store(state_path(settings), exclusive=False)
    try:
        if plan is not None:
            held = [one for one in await store.holding(target) if one.gate == gate]
            _check_held_in(plan, gate, held, [run.run for run in await store.runs(REMEMBERED)])
        return await store.release(target, gate, plan)
    finally:
        await store.close()


def _check_held_in(plan: str, gate: str, held: Sequence[Holding], runs: Sequence[str]) -> None:
    """A run's name begins with its time: what was held before it and after it was held in it."""
    known = {run for one in held for run in (one.first, one.last)}
    if not any(held_in(plan, one.first, one.last) for one in held) or plan not in {*known, *runs}:
        since = f"it holds somebody since {', '.join(sorted({one.first for one in held}))}" if held else "it holds nobody"
        raise SyncError(f"{gate} holds nobody of {plan}{nearest(plan, known)}; {since}")
