"""Settings -> live parts, opened in order and closed in reverse. The only file that knows everything."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sync.errors import ConfigError, Mistake, NotThere, SourceError, SyncError
from sync.facts import Fact
from sync.log import Redactor
from sync.model import Estimate, Explanation, Failure, Holding, Mismatch, Released, Run, Standing, Tally, TargetPlan
from sync.opening import open_file
from sync.pipeline.courier import Courier
from sync.pipeline.explain import Asked, explained
from sync.pipeline.forecast import Account, Load, estimates
from sync.pipeline.gates import GATES
from sync.pipeline.lane import Lane
from sync.pipeline.maptest import tried
from sync.pipeline.observed import ObservedWire, bound
from sync.pipeline.plan import Plan
from sync.pipeline.project import Projection
from sync.pipeline.rules import nearest
from sync.pipeline.run import Feed, Report, Target, Way, apply, make_plans, new_run, run, untold
from sync.pipeline.speaker import Sender, Speaker
from sync.pipeline.survey import Survey, survey
from sync.pipeline.telling import told
from sync.pipeline.undo import plan_undo
from sync.ports import Reading, Source, Store, Watch
from sync.service.retention import prune
from sync.service.scheduler import Schedule
from sync.service.watching import traced
from sync.settings import HttpTable, Settings, SqlTable, TargetSettings
from sync.sources.alchemy import AlchemyDialect
from sync.sources.dialect import Address, Dialect
from sync.sources.mysql import MysqlDialect
from sync.sources.postgres import PostgresDialect, trigger
from sync.sources.sql import Sql, Table
from sync.sources.sqlite import SqliteDialect
from sync.stores.file import is_locked, keep_key, secret_key
from sync.stores.holds import held_in
from sync.stores.saved import open_saved, save
from sync.stores.sqlite import open_forgetful, open_store
from sync.switchboard import Switchboard

SQLITE = "sqlite:///"
LAST_RUNS = 5
"""So many are listed."""
REMEMBERED = 1000
"""Among so many a run is looked for by its name; of an older one, what it told is enough."""


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

    @property
    def title(self) -> str:
        """The plan's name, with what it is for, and what is missing in it, so that no report passes for the whole."""
        name = f"{self.plan}, undo of {self.undoes}" if self.undoes else self.plan
        return f"{name} (without {', '.join(self.missing)}: the source cannot be read)" if self.missing else name


@dataclass(frozen=True, slots=True)
class State:
    """Where things stand: per target, when the state was last written, and the last runs."""

    tallies: tuple[Tally, ...]
    accounts: Mapping[str, Standing]
    written: datetime | None
    runs: tuple[Run, ...]


@asynccontextmanager
async def propose(settings: Settings, names: Sequence[str], watch: Watch) -> AsyncIterator[Proposal]:
    """The plan of a run, without anything that could write or send: the store forgets, and there is no courier."""
    async with AsyncExitStack() as stack:
        board = open_board(settings, Redactor(), stack)
        feeds, troubles = await _open_feeds(board, names, secret_key(state_path(settings)), stack)
        proposal = await stack.enter_async_context(propose_of(settings, feeds, watch, troubles))
        there = {target.target for target in proposal.targets}
        yield replace(proposal, missing=tuple(name for name in _chosen(settings, names) if name not in there))


@asynccontextmanager
async def propose_of(
    settings: Settings, feeds: Sequence[Feed], watch: Watch, troubles: Sequence[str] = ()
) -> AsyncIterator[Proposal]:
    """The same for sources that are open already; `troubles` are those that were met on the way there."""
    async with AsyncExitStack() as stack:
        ledger = open_forgetful(state_path(settings))
        stack.push_async_callback(ledger.close)
        told, plans = list(troubles), list[Plan]()
        for feed in feeds:
            try:
                made = await make_plans(feed, ledger, watch, told)
            except SyncError as error:
                told.append(str(error))
                continue
            for plan in made:
                stack.callback(plan.close)
                plans.append(plan)
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
        feeds, unread = await _open_feeds(board, names, key, stack) if names else ([], [])
        plans: list[Plan] = []
        for feed in feeds:
            try:
                made = [await plan_undo(run, target, feed, ledger) for target in feed.chosen]
            except SyncError as error:
                troubles.append(str(error))
                continue
            for plan in made:
                stack.callback(plan.close)
                plans.append(plan)
        there = {plan.target for plan in plans}
        missing = tuple(name for name in names if name not in there)
        yield Proposal(new_run(), await _seen(plans, settings, ledger), (*troubles, *unread), missing, run)


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


Write = Callable[[str, Sequence[TargetPlan]], None]
"""Writes the report of a run: its name, and each target with what became of everybody."""


async def run_once(
    settings: Settings,
    names: Sequence[str],
    watch: Watch,
    stopping: asyncio.Event,
    redactor: Redactor,
    write: Write | None = None,
) -> Report:
    """One pass, for real. Raises ConfigError, StateError."""
    async with AsyncExitStack() as stack:
        watch = await traced(watch, stack)
        parts = await _open_parts(settings, names, watch, stopping, redactor, stack)
        teller = _Teller(parts.store, settings, stack)
        report = await run(parts.feeds, parts.ways, parts.store, watch, teller.tell if write else untold)
        report.troubles.extend(parts.troubles)
        if write:
            write(report.run, teller.targets)
        await parts.board.remember(parts.store)
        await prune(parts.store, settings.keep)
        return report


def save_plan(settings: Settings, proposal: Proposal, path: Path) -> int:
    """Keeps a proposal, to be applied later; returns how many updates. Raises SyncError."""
    fingerprints = {target.target: settings.targets[target.target].fingerprint for target in proposal.targets}
    return save(path, proposal.plan, fingerprints, proposal.targets, undoes=proposal.undoes)


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
        seen = replace(_seen_by_reports(ended, None, self._settings), gates=plan.tripped, seconds=0.0, outcomes=counts)
        self.targets.append(seen)


async def apply_saved(
    settings: Settings,
    path: Path,
    watch: Watch,
    stopping: asyncio.Event,
    redactor: Redactor,
    write: Write | None = None,
) -> Report:
    """Delivers a saved plan, exactly that. Raises SyncError where it is too old, of another config, or applied already."""
    saved = open_saved(path)
    if datetime.now(UTC) - saved.made > settings.plan_max_age:
        raise SyncError(f"{path}: the plan is older than {settings.plan_max_age}: plan again")
    for name, fingerprint in saved.fingerprints.items():
        if name not in settings.targets or settings.targets[name].fingerprint != fingerprint:
            raise SyncError(f"{path}: target {name} was planned with another config: plan again")
    async with AsyncExitStack() as stack:
        watch = await traced(watch, stack)
        parts = await _open_parts(settings, tuple(saved.fingerprints), watch, stopping, redactor, stack)
        if parts.troubles:
            raise SourceError(parts.troubles[0])
        if not await parts.store.spend(saved.plan):
            raise SyncError(f"{path}: plan {saved.plan} has been applied already: plan again")
        teller = _Teller(parts.store, settings, stack)
        report = await apply(saved, parts.feeds, parts.ways, parts.store, watch, teller.tell if write else untold)
        if write:
            write(f"{report.run} of plan {saved.plan}", teller.targets)
        return report


@dataclass(frozen=True, slots=True)
class Base:
    """What every way out is built on."""

    store: Store
    wire: Sender
    redactor: Redactor
    watch: Watch


@dataclass(frozen=True, slots=True)
class _Parts:
    """What it takes to send: the state for writing, the sources, and a way to each account."""

    store: Store
    feeds: Sequence[Feed]
    ways: Mapping[str, Way]
    troubles: Sequence[str]
    board: Switchboard


async def _open_parts(
    settings: Settings, names: Sequence[str], watch: Watch, stopping: asyncio.Event, redactor: Redactor, stack: AsyncExitStack
) -> _Parts:
    from sync.wire import open_wire

    path = state_path(settings)
    key = secret_key(path)
    board = open_board(settings, redactor, stack)
    feeds, troubles = await _open_feeds(board, names, key, stack)  # a mistake is told before any file is made
    store = open_store(path, exclusive=True)
    stack.push_async_callback(store.close)
    keep_key(path, key)
    await board.remember(store)
    await recover(settings, store)
    wire = await stack.enter_async_context(open_wire())
    ways = await open_ways(board, Base(store, wire, redactor, watch), stopping)
    wanted = {target.account for feed in feeds for target in feed.chosen}
    return _Parts(store, feeds, {name: way for name, way in ways.items() if name in wanted}, troubles, board)


async def recover(settings: Settings, store: Store) -> None:
    """What was in flight when the last process ended counts as used before it is forgotten: rather twice than never."""
    in_flight = await store.in_flight()
    for name, account in settings.accounts.items():
        if flown := sum(count for target, count in in_flight.items() if _account_of(target, settings) == name):
            lane = Lane(name, account.policy, await store.standing(name), asyncio.Event(), flown)
            await store.stand(name, lane.standing())
    await store.recover()


async def open_ways(board: Switchboard, base: Base, stopping: asyncio.Event) -> dict[str, Way]:
    """A way to each account, which goes on from where it stood; sources that ask one of them share its lane."""
    speakers = {}
    for name, line in board.lines.items():
        base.redactor.learn(line.secrets)
        lane = Lane(name, line.policy, await base.store.standing(name), stopping, remember=partial(base.store.stand, name))
        speakers[name] = Speaker(line.signing, lane, ObservedWire(base.wire, name, base.watch), base.redactor)
    board.connect(speakers)
    accounts = board.settings.accounts.items()
    return {name: Way(speakers[name].lane, bound(Courier(account.vendor, speakers[name]).carry)) for name, account in accounts}


def open_board(settings: Settings, redactor: Redactor, stack: AsyncExitStack) -> Switchboard:
    """What connects sources with the accounts that they ask. Raises ConfigError."""
    board = Switchboard(settings, state_path(settings), redactor)
    stack.push_async_callback(board.close)
    return board


@dataclass(frozen=True, slots=True)
class Checked:
    """A source or an account, looked at: what is wrong with it, if anything, and what was found of a source."""

    name: str
    trouble: str = ""
    found: Survey | None = None


async def check_online(settings: Settings, redactor: Redactor) -> AsyncIterator[Checked]:
    """Looks at every source and signs in to every account. Writes nothing."""
    from sync.wire import open_wire

    async with AsyncExitStack() as stack:
        board = open_board(settings, redactor, stack)
        for name, table in settings.sources.items():
            redactor.learn(table.secrets)
            try:
                yield await _check_source(name, table.cursor, settings, board, stack)
            except SyncError as error:
                yield Checked(f"sources.{name}", redactor.clean(str(error).removeprefix(f"sources.{name}: ")))
        wire = await stack.enter_async_context(open_wire())
        for name, account in settings.accounts.items():
            redactor.learn(account.secrets)
            lane = Lane(name, account.policy, Standing(), asyncio.Event())
            try:
                await Speaker(account.vendor, lane, wire, redactor).sign_in()
                yield Checked(f"accounts.{name}")
            except SyncError as error:
                yield Checked(f"accounts.{name}", redactor.clean(str(error)))


async def _check_source(name: str, cursor: str | None, settings: Settings, board: Switchboard, stack: AsyncExitStack) -> Checked:
    source = _source(name, board, b"check", stack)
    wrong = await _mistakes(name, source, settings, tuple(settings.targets))
    if wrong:
        return Checked(f"sources.{name}", "\n".join(map(str, wrong)))
    used: dict[str, list[str]] = {}
    for target in settings.targets.values():
        for field in dict.fromkeys(field for _, field in target.mentioned) if target.source == name else ():
            used.setdefault(field, []).append(target.name)
    return Checked(f"sources.{name}", found=await survey(source, cursor, used))


@dataclass(frozen=True, slots=True)
class Failed:
    """A map test that failed: the target's file, the test as it is called there, and every mismatch."""

    file: str
    test: str
    mismatches: tuple[Mismatch, ...]


def try_maps(settings: Settings) -> list[Failed]:
    """Tries every map test of every target, offline."""
    failed = []
    for target in settings.targets.values():
        projection = _target(target, settings, b"check").projection
        found = ((test.name, tried(test, projection)) for test in target.tests)
        failed += [Failed(target.file, name, mismatches) for name, mismatches in found if mismatches]
    return failed


async def check_files(settings: Settings) -> list[str]:
    """What can be checked without a network: the sources that are files here. Returns warnings. Raises ConfigError."""
    state_path(settings)
    warnings: list[str] = []
    async with AsyncExitStack() as stack:
        wrong: list[Mistake] = []
        board = open_board(settings, Redactor(), stack)
        for name, table in settings.sources.items():
            if table.offline:
                source = _source(name, board, b"check", stack)
                wrong += await _mistakes(name, source, settings, tuple(settings.targets))
            elif table.missing:
                warnings.append(f"{settings.file}: sources.{name}: {table.missing} is not there (seen from {Path.cwd()})")
        if wrong:
            raise ConfigError(wrong)
    return warnings


async def standing(settings: Settings) -> State:
    """Where things stand."""
    path = state_path(settings)
    ledger = open_forgetful(path)
    try:
        tallies = {tally.target: tally for tally in await ledger.tally()}
        every = [tallies.get(name, Tally(name, 0, 0, {})) for name in settings.targets]
        accounts = {name: await ledger.standing(name) for name in settings.accounts}
        runs = tuple(await ledger.runs(LAST_RUNS))
    finally:
        await ledger.close()
    written = max((file.stat().st_mtime for file in (path, path.with_name(path.name + "-wal")) if file.exists()), default=None)
    return State(tuple(every), accounts, datetime.fromtimestamp(written).astimezone() if written else None, runs)


async def failures(settings: Settings, names: Sequence[str]) -> list[Failure]:
    """Who is out of step."""
    chosen = _chosen(settings, names)
    ledger = open_forgetful(state_path(settings))
    try:
        return [failure for failure in await ledger.failures(chosen) if failure.target in settings.targets]
    finally:
        await ledger.close()


async def explain(settings: Settings, name: str, customer: str, field: str | None) -> Explanation:
    """Why the target holds this value of this customer. Sends and writes nothing. Raises ConfigError, SourceError, StateError."""
    _chosen(settings, [name])
    async with AsyncExitStack() as stack:
        path = state_path(settings)
        ledger = open_forgetful(path)
        stack.push_async_callback(ledger.close)
        board = open_board(settings, Redactor(), stack)
        feeds, troubles = await _open_feeds(board, [name], secret_key(path), stack)
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
    chosen = _chosen(settings, names)
    if not state_path(settings).exists():
        return 0
    store = open_store(state_path(settings), exclusive=False)
    try:
        return await store.retry(chosen, customers)
    finally:
        await store.close()


async def release(settings: Settings, target: str, gate: str, plan: str | None) -> Released:
    """Lets what a gate holds now through this gate. Raises ConfigError, SyncError where a name is wrong."""
    _chosen(settings, [target])
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


def state_path(settings: Settings) -> Path:
    """The file of the state. Raises ConfigError."""
    url = settings.state.get_secret_value()
    if not url.startswith(SQLITE) or url == SQLITE:
        raise ConfigError([Mistake(settings.file, "state.url", 'has to be a file, such as "sqlite:///var/customer-sync.db"')])
    return Path(url.removeprefix(SQLITE)).expanduser()


def _account_of(target: str, settings: Settings) -> str:
    return settings.targets[target].account if target in settings.targets else ""


def _chosen(settings: Settings, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in settings.targets:
            file = str(Path(settings.file).parent / "targets" / f"{name}.toml")
            raise ConfigError([Mistake(file, "", f"there is no target {name}{nearest(name, settings.targets)}")])
    return tuple(names) or tuple(settings.targets)


async def _open_feeds(
    board: Switchboard, names: Sequence[str], key: bytes, stack: AsyncExitStack
) -> tuple[list[Feed], list[str]]:
    """Every source that a chosen target needs; a source that cannot be read is told, and its targets wait. Raises ConfigError."""
    feeds: list[Feed] = []
    wrong: list[Mistake] = []
    troubles: list[str] = []
    for feed in make_feeds(board, _chosen(board.settings, names), key, stack):
        try:
            wrong += await find_mistakes(feed, board.settings)
            feeds.append(feed)
        except SyncError as error:
            troubles.append(str(error))
    if wrong:
        raise ConfigError(wrong)
    return feeds, troubles


def make_feeds(board: Switchboard, chosen: Sequence[str], key: bytes, stack: AsyncExitStack) -> list[Feed]:
    """Every source that a chosen target needs. Nothing is read yet, so that what it names may not be there."""
    targets = [_target(target, board.settings, key) for target in board.settings.targets.values()]
    feeds = []
    for name, table in board.settings.sources.items():
        fed = tuple(target for target in targets if target.source == name)
        wanted = tuple(target for target in fed if target.name in chosen)
        if wanted:
            source = _source(name, board, key, stack)
            feeds.append(Feed(name, source, fed, wanted, board.definition(table), table.full_every))
    return feeds


async def find_mistakes(feed: Feed, settings: Settings) -> list[Mistake]:
    """What the configuration names and the source does not have. Raises SourceError."""
    return await _mistakes(feed.name, feed.source, settings, [target.name for target in feed.chosen])


def triggers(settings: Settings) -> str:
    """The SQL by which the tables of the PostgreSQL sources say that they change. Raises ConfigError where there is none."""
    found = [
        f"-- sources.{name}\n{trigger(table.table, table.notify)}"
        for name, table in settings.sources.items()
        if isinstance(table, SqlTable) and table.notify and table.table
    ]
    if not found:
        said = 'no source has notify = "CHANNEL" and a table of PostgreSQL'
        raise ConfigError([Mistake(settings.file, "sources", said)])
    return "\n\n".join(found)


def _open_sql(name: str, table: SqlTable, key: bytes) -> Source:
    what = f"sources.{name}"
    read = Table(
        what, table.key, table.table, table.query, table.cursor, table.overlap, table.where, table.children, table.notify
    )
    address = Address(what, table.url.get_secret_value(), table.timeout, table.tls, table.tls_ca)
    dialects: dict[str, Callable[[], Dialect]] = {
        "sqlite": lambda: SqliteDialect(table.path, what),
        "postgres": lambda: PostgresDialect(address),
        "mysql": lambda: MysqlDialect(address),
        "other": lambda: AlchemyDialect(address),
    }
    return Sql(read, dialects[table.family](), key)


OPENERS: Mapping[str, Callable[[str, Any, bytes], Source]] = {"file": open_file, "sql": _open_sql}
"""How a source of each kind is made of its name, its table and the key of its digests. Nothing is connected to yet."""


def _source(name: str, board: Switchboard, key: bytes, stack: AsyncExitStack) -> Source:
    table = board.settings.sources[name]
    source = board.open(name, table, key) if isinstance(table, HttpTable) else OPENERS[table.kind](name, table, key)
    stack.push_async_callback(source.close)
    return source


async def _mistakes(name: str, source: Source, settings: Settings, targets: Sequence[str]) -> list[Mistake]:
    """What the configuration names and the source does not have. Raises SourceError."""
    try:
        return _unknown_fields(name, await source.fields(), settings, targets)
    except NotThere as error:
        return [Mistake(settings.file, f"sources.{name}.{error.part}", f"{error}{nearest(error.name, error.valid)}")]


def _unknown_fields(source: str, found: Mapping[str, str], settings: Settings, targets: Sequence[str]) -> list[Mistake]:
    """Columns that the configuration names and the source does not have; one that has nobody to show them may have them all."""
    if not found:
        return []
    wrong = [
        Mistake(settings.file, f"sources.{source}.{part}", f"the source has no column {name}{nearest(name, found)}")
        for part, name in settings.sources[source].named.items()
        if name not in found
    ]
    for target in (settings.targets[name] for name in targets if settings.targets[name].source == source):
        wrong += [
            Mistake(target.file, key, f"source {source} has no field {name}{nearest(name, found)}")
            for key, name in target.mentioned
            if name not in found
        ]
    return wrong


def _target(target: TargetSettings, settings: Settings, key: bytes) -> Target:
    vendor = settings.accounts[target.account].vendor
    projection = Projection(
        target.rules,
        vendor.Customer,
        target.fields,
        target.id_source,
        partial(vendor.identify, match=target.match),
        lambda text: hashlib.blake2b(text.encode(), digest_size=16, key=key).hexdigest(),
        target.table.without_id,
        target.table.where,
    )
    return Target(target.name, target.source, target.account, vendor, projection, target.fingerprint, target.gates, target.gone)


async def _seen(plans: Sequence[Plan], settings: Settings, ledger: Reading) -> tuple[TargetPlan, ...]:
    """As reports see them, with what each costs if it is delivered now."""
    now = datetime.now(UTC)
    accounts = {name: Account(account.policy.pace, await ledger.standing(name)) for name, account in settings.accounts.items()}
    costs = estimates([_load(plan, settings.targets[plan.target], now) for plan in plans], accounts, now.timestamp())
    return tuple(_seen_by_reports(plan, cost, settings) for plan, cost in zip(plans, costs, strict=True))


def _load(plan: Plan, target: TargetSettings, now: datetime) -> Load:
    table = target.table
    following = Schedule(table.every, table.schedule, table.timezone or "UTC").following(now)
    return Load(target.account, plan.figures.requests, (following - now).total_seconds() if following else None)


def _seen_by_reports(plan: Plan, estimate: Estimate | None, settings: Settings) -> TargetPlan:
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


class Unwatched(Watch):
    """Nobody watches."""

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        """Says nothing."""

    def noted(self, fact: Fact) -> None:
        """Writes nothing down."""
