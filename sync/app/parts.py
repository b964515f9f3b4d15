"""Settings -> live parts: feeds, targets and ways, opened in order and closed in reverse."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sync.app.sources import SQLITE, open_source
from sync.app.switchboard import Switchboard
from sync.errors import ConfigError, Mistake, NotThere, SyncError
from sync.facts import Fact
from sync.log import Redactor
from sync.pipeline.courier import Courier
from sync.pipeline.feeds import Feed, Target, Way
from sync.pipeline.lane import Lane
from sync.pipeline.observed import ObservedWire, bound
from sync.pipeline.project import Projection
from sync.pipeline.rules import nearest
from sync.pipeline.speaker import Sender, Speaker
from sync.ports import Source, Store, Watch
from sync.settings import Settings, SqlTable, TargetSettings
from sync.sources.postgres import trigger
from sync.stores.file import keep_key, secret_key
from sync.stores.sqlite import open_store

REMEMBERED = 1000
"""Among so many a run is looked for by its name; of an older one, what it told is enough."""


@dataclass(frozen=True, slots=True)
class Base:
    """What every way out is built on."""

    store: Store
    wire: Sender
    redactor: Redactor
    watch: Watch


class Unwatched(Watch):
    """Nobody watches."""

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        """Says nothing."""

    def noted(self, fact: Fact) -> None:
        """Writes nothing down."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks for a run: looks on, may stop it, and knows what must not be seen. By default nobody does."""

    watch: Watch = field(default_factory=Unwatched)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    redactor: Redactor = field(default_factory=Redactor)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What it takes to send: the state for writing, the sources, and a way to each account."""

    store: Store
    feeds: Sequence[Feed]
    ways: Mapping[str, Way]
    troubles: Sequence[str]
    board: Switchboard


async def open_parts(settings: Settings, names: Sequence[str], caller: Caller, stack: AsyncExitStack) -> _Parts:
    """Everything that a run needs to send, opened in order. Raises ConfigError, StateError."""
    from sync.wire import open_wire

    path = state_path(settings)
    key = secret_key(path)
    board = open_board(settings, caller.redactor, stack)
    feeds, troubles = await open_feeds(board, names, key, stack)  # a mistake is told before any file is made
    store = open_store(path, exclusive=True)
    stack.push_async_callback(store.close)
    keep_key(path, key)
    await board.remember(store)
    await recover(settings, store)
    wire = await stack.enter_async_context(open_wire())
    ways = await open_ways(board, Base(store, wire, caller.redactor, caller.watch), caller.stopping)
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


def state_path(settings: Settings) -> Path:
    """The file of the state. Raises ConfigError."""
    url = settings.state.get_secret_value()
    if not url.startswith(SQLITE) or url == SQLITE:
        raise ConfigError([Mistake(settings.file, "state.url", 'has to be a file, such as "sqlite:///var/customer-sync.db"')])
    return Path(url.removeprefix(SQLITE)).expanduser()


def _account_of(target: str, settings: Settings) -> str:
    return settings.targets[target].account if target in settings.targets else ""


def chosen_targets(settings: Settings, names: Sequence[str]) -> tuple[str, ...]:
    """The targets that were asked for, or all of them. Raises ConfigError."""
    for name in names:
        if name not in settings.targets:
            file = str(Path(settings.file).parent / "targets" / f"{name}.toml")
            raise ConfigError([Mistake(file, "", f"there is no target {name}{nearest(name, settings.targets)}")])
    return tuple(names) or tuple(settings.targets)


def check_fields(settings: Settings, names: Sequence[str]) -> None:
    """A field that no map has would show that nothing changes. Raises SyncError."""
    known = [
        field for target in settings.targets.values() for field in (*(rule.field for rule in target.rules), *target.gone.leaves)
    ]
    for name in names:
        if not any(field == name or field.startswith(f"{name}.") for field in known):
            raise SyncError(f"no target maps a field {name}{nearest(name, known)}")


async def open_feeds(board: Switchboard, names: Sequence[str], key: bytes, stack: AsyncExitStack) -> tuple[list[Feed], list[str]]:
    """Every source that a chosen target needs; a source that cannot be read is told, and its targets wait. Raises ConfigError."""
    feeds: list[Feed] = []
    wrong: list[Mistake] = []
    troubles: list[str] = []
    for feed in make_feeds(board, chosen_targets(board.settings, names), key, stack):
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
    targets = [live_target(target, board.settings, key) for target in board.settings.targets.values()]
    feeds = []
    for name, table in board.settings.sources.items():
        fed = tuple(target for target in targets if target.source == name)
        wanted = tuple(target for target in fed if target.name in chosen)
        if wanted:
            source = open_source(name, board, key, stack)
            feeds.append(Feed(name, source, fed, wanted, board.definition(table), table.full_every))
    return feeds


async def find_mistakes(feed: Feed, settings: Settings) -> list[Mistake]:
    """What the configuration names and the source does not have. Raises SourceError."""
    return await mistakes_of(feed.name, feed.source, settings, [target.name for target in feed.chosen])


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


async def mistakes_of(name: str, source: Source, settings: Settings, targets: Sequence[str]) -> list[Mistake]:
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


def live_target(target: TargetSettings, settings: Settings, key: bytes) -> Target:
    """A target of the configuration, with its map compiled."""
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
