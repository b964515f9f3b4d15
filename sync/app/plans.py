"""Dry runs: what a run or an undo would send, without anything that could write or send."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from sync.app.parts import REMEMBERED, chosen_targets, open_board, open_feeds, state_path
from sync.app.standing import LAST_RUNS
from sync.errors import SyncError
from sync.log import Redactor
from sync.model import Estimate, TargetPlan
from sync.pipeline.feeds import Feed
from sync.pipeline.forecast import Account, Load, estimates
from sync.pipeline.plan import Plan
from sync.pipeline.planning import make_plans
from sync.pipeline.report import new_run
from sync.pipeline.rules import nearest
from sync.pipeline.undo import plan_undo
from sync.ports import Reading, Watch
from sync.service.scheduler import Schedule
from sync.settings import Settings, TargetSettings
from sync.stores.file import is_locked, keep_key, secret_key
from sync.stores.saved import save
from sync.stores.sqlite import open_forgetful


@dataclass(frozen=True, slots=True)
class Proposal:
    """A dry run's result: the plan's name, each target's part, and what could not be read."""

    plan: str
    targets: tuple[TargetPlan, ...]
    troubles: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """Targets of which nobody can tell what they lack, because their source cannot be read."""
    undoes: str = ""
    """The run that it puts back, if that is what it is for."""
    key: bytes = field(default=b"", repr=False)
    """The key of its fingerprints, where it may be that no state has kept it yet."""

    @property
    def title(self) -> str:
        """The plan's name, with what it is for, and what is missing in it, so that no report passes for the whole."""
        name = f"{self.plan}, undo of {self.undoes}" if self.undoes else self.plan
        return f"{name} (without {', '.join(self.missing)}: the source cannot be read)" if self.missing else name


@asynccontextmanager
async def propose(settings: Settings, names: Sequence[str], watch: Watch) -> AsyncIterator[Proposal]:
    """The plan of a run, without anything that could write or send: the store forgets, and there is no courier."""
    async with AsyncExitStack() as stack:
        board = open_board(settings, Redactor(), stack)
        key = secret_key(state_path(settings))
        feeds, troubles = await open_feeds(board, names, key, stack)
        proposal = await stack.enter_async_context(propose_of(settings, feeds, watch, troubles))
        there = {target.target for target in proposal.targets}
        missing = tuple(name for name in chosen_targets(settings, names) if name not in there)
        yield replace(proposal, missing=missing, key=key)


@asynccontextmanager
async def propose_of(
    settings: Settings, feeds: Sequence[Feed], watch: Watch, troubles: Sequence[str] = ()
) -> AsyncIterator[Proposal]:
    """The same for sources that are open already; `troubles` are those that were met on the way there."""
    async with AsyncExitStack() as stack:
        ledger = open_forgetful(state_path(settings))
        stack.push_async_callback(ledger.close)
        told = list(troubles)
        plans = await _made(feeds, lambda feed: make_plans(feed, ledger, watch, told), told, stack)
        there = {plan.target for plan in plans}
        missing = tuple(target.name for feed in feeds for target in feed.chosen if target.name not in there)
        yield Proposal(new_run(), await _seen(plans, settings, ledger), tuple(told), missing)


@asynccontextmanager
async def propose_undo(settings: Settings, run: str) -> AsyncIterator[Proposal]:
    """The plan that puts back what a run changed. Raises SyncError for a run that nobody knows, or that is under way."""
    async with AsyncExitStack() as stack:
        path = state_path(settings)
        key = secret_key(path)
        ledger = open_forgetful(path)
        stack.push_async_callback(ledger.close)
        names = [name for name in settings.targets if await ledger.told(run, name, "", 1)]
        troubles = await _undoable(run, names, ledger, settings)
        board = open_board(settings, Redactor(), stack)
        feeds, unread = await open_feeds(board, names, key, stack) if names else ([], [])
        plans = await _made(feeds, lambda feed: plan_undo(run, feed, ledger), troubles, stack)
        there = {plan.target for plan in plans}
        missing = tuple(name for name in names if name not in there)
        yield Proposal(new_run(), await _seen(plans, settings, ledger), (*troubles, *unread), missing, run)


async def _made(
    feeds: Sequence[Feed], make: Callable[[Feed], Awaitable[Sequence[Plan]]], troubles: list[str], stack: AsyncExitStack
) -> list[Plan]:
    """The plans of every source that can be read; what cannot is added to `troubles`."""
    plans: list[Plan] = []
    for feed in feeds:
        try:
            made = await make(feed)
        except SyncError as error:
            troubles.append(str(error))
            continue
        for plan in made:
            stack.callback(plan.close)
            plans.append(plan)
    return plans


async def _undoable(run: str, names: Sequence[str], ledger: Reading, settings: Settings) -> list[str]:
    """What of the run is out of reach. Raises SyncError where it cannot be undone at all."""
    runs = {noted.run: noted for noted in await ledger.runs(REMEMBERED)}
    found = runs.get(run)
    if found is None and not names:
        last = f"; the last runs: {', '.join(list(runs)[:LAST_RUNS])}" if runs else "; nothing has run yet"
        raise SyncError(f"there is no run {run}{nearest(run, runs) or last}")
    if found and found.ended is None and is_locked(state_path(settings)):
        raise SyncError(f"run {run} is still under way: undo it when it has ended")
    reached: Mapping[str, object] = found.report.get("targets", {}) if found else {}
    gone = [name for name, outcomes in reached.items() if outcomes and name not in settings.targets]
    return [f"target {name} is not in the configuration any more: what run {run} told it stays" for name in gone]


def save_plan(settings: Settings, proposal: Proposal, path: Path) -> int:
    """Keeps a proposal, to be applied later; returns how many updates. Raises SyncError.

    Where it holds fingerprints of passwords, their key is kept, too: with another one they would be other passwords.
    """
    chosen = [settings.targets[target.target] for target in proposal.targets]
    if proposal.key and any(target.has_secrets for target in chosen):
        keep_key(state_path(settings), proposal.key)
    fingerprints = {target.name: target.fingerprint for target in chosen}
    return save(path, proposal.plan, fingerprints, proposal.targets, undoes=proposal.undoes)


async def _seen(plans: Sequence[Plan], settings: Settings, ledger: Reading) -> tuple[TargetPlan, ...]:
    """As reports see them, with what each costs if it is delivered now."""
    now = datetime.now(UTC)
    accounts = {name: Account(account.policy.pace, await ledger.standing(name)) for name, account in settings.accounts.items()}
    costs = estimates([_load(plan, settings.targets[plan.target], now) for plan in plans], accounts, now.timestamp())
    return tuple(seen_by_reports(plan, cost, settings) for plan, cost in zip(plans, costs, strict=True))


def _load(plan: Plan, target: TargetSettings, now: datetime) -> Load:
    table = target.table
    following = Schedule(table.every, table.schedule, table.timezone or "UTC").following(now)
    return Load(target.account, plan.figures.requests, (following - now).total_seconds() if following else None)


def seen_by_reports(plan: Plan, estimate: Estimate | None, settings: Settings) -> TargetPlan:
    """A plan as reports are told of it."""
    figures = plan.figures
    pace = settings.accounts[settings.targets[plan.target].account].policy.pace
    return TargetPlan(
        plan.target,
        figures.updates,
        figures.requests,
        figures.unchanged,
        figures.rejected,
        figures.held,
        dict(figures.fields.most_common()),
        pace.seconds(figures.requests),
        plan.entries,
        figures.left,
        plan.tripped,
        estimate,
    )
