"""For real: one pass, or a saved plan."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sync.app.parts import Caller, open_parts
from sync.app.plans import seen_by_reports
from sync.errors import SourceError, SyncError
from sync.model import TargetPlan
from sync.pipeline.plan import Plan
from sync.pipeline.report import Report
from sync.pipeline.run import Means, apply, run, untold
from sync.pipeline.telling import told
from sync.ports import Store
from sync.service.retention import prune
from sync.service.watching import traced
from sync.settings import Settings
from sync.stores.saved import open_saved

Write = Callable[[str, Sequence[TargetPlan]], None]
"""Writes the report of a run: its name, and each target with what became of everybody."""


async def run_once(settings: Settings, names: Sequence[str], caller: Caller, write: Write | None = None) -> Report:
    """One pass, for real. Raises ConfigError, StateError."""
    async with AsyncExitStack() as stack:
        caller = replace(caller, watch=await traced(caller.watch, stack))
        parts = await open_parts(settings, names, caller, stack)
        teller = _Teller(parts.store, settings, stack)
        report = await run(parts.feeds, Means(parts.ways, parts.store, caller.watch, teller.tell if write else untold))
        report.troubles.extend(parts.troubles)
        if write:
            write(report.run, teller.targets)
        await parts.board.remember(parts.store)
        await prune(parts.store, settings.keep)
        return report


class _Teller:
    """What became of every plan, kept on disk until the report is written."""

    def __init__(self, store: Store, settings: Settings, stack: AsyncExitStack) -> None:
        self._store, self._settings, self._stack = store, settings, stack
        self.targets: list[TargetPlan] = []

    async def tell(self, run: str, plan: Plan, why: str) -> None:
        """One target more."""
        ended = await told(plan, run, why, self._store)
        self._stack.callback(ended.close)
        figures = ended.figures
        counts = figures.told + Counter(unchanged=figures.unchanged, rejected=figures.rejected, held=figures.held)
        seen = replace(seen_by_reports(ended, None, self._settings), gates=plan.tripped, seconds=0.0, outcomes=counts)
        self.targets.append(seen)


async def apply_saved(settings: Settings, path: Path, caller: Caller, write: Write | None = None) -> Report:
    """Delivers a saved plan, exactly that. Raises SyncError where it is too old, of another config, or applied already."""
    saved = open_saved(path)
    if datetime.now(UTC) - saved.made > settings.plan_max_age:
        raise SyncError(f"{path}: the plan is older than {settings.plan_max_age}: plan again")
    for name, fingerprint in saved.fingerprints.items():
        if name not in settings.targets or settings.targets[name].fingerprint != fingerprint:
            raise SyncError(f"{path}: target {name} was planned with another config: plan again")
    async with AsyncExitStack() as stack:
        caller = replace(caller, watch=await traced(caller.watch, stack))
        parts = await open_parts(settings, tuple(saved.fingerprints), caller, stack)
        if parts.troubles:
            raise SourceError(parts.troubles[0])
        if not await parts.store.spend(saved.plan):
            raise SyncError(f"{path}: plan {saved.plan} has been applied already: plan again")
        teller = _Teller(parts.store, settings, stack)
        report = await apply(saved, parts.feeds, Means(parts.ways, parts.store, caller.watch, teller.tell if write else untold))
        if write:
            write(f"{report.run} of plan {saved.plan}", teller.targets)
        return report
