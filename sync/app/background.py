"""A folder of configuration -> the background service, until it is asked to stop."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from sync.app import Base, find_mistakes, make_feeds, open_board, open_ways, recover, state_path
from sync.app.addresses import check_addresses, open_post
from sync.app.frontdesk import access, make_desk
from sync.app.switchboard import Switchboard
from sync.errors import ConfigError, Mistake, SourceError, SyncError
from sync.log import Redactor
from sync.pipeline.feeds import Feed
from sync.service.access.door import Door
from sync.service.alerts import AlertPolicy, Alerts
from sync.service.dashboard.desk import House
from sync.service.engine import Engine, Setup
from sync.service.metrics import Metrics
from sync.service.recent import Recent
from sync.service.retention import retain
from sync.service.scheduler import Schedule
from sync.service.service import Service
from sync.service.supervisor import Supervisor
from sync.service.watching import traced
from sync.service.web import build, listening
from sync.settings import Address, Settings, TargetSettings, load
from sync.stores.file import keep_key, secret_key
from sync.stores.lists import open_lists
from sync.stores.sqlite import open_store

log = structlog.get_logger()
LAST_WORDS = 2.0
"""Seconds for a message that is under way when the service is asked to stop, or it is sent again after the restart."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the process is asked for by signals: `stopping` once, `reload` as often as somebody wants.

    `grace` is how many seconds what is in flight is given when the service ends because of a failure.
    """

    stopping: asyncio.Event
    reload: asyncio.Event
    grace: float


@dataclass(frozen=True, slots=True)
class _Config:
    """A configuration that was found to be valid, with its sources; `stack` closes them."""

    settings: Settings
    key: bytes
    feeds: tuple[Feed, ...]
    board: Switchboard
    stack: AsyncExitStack


async def serve(directory: Path, listen: Address | None, asked: Asked, redactor: Redactor) -> None:
    """Syncs by schedule until it is asked to stop. Raises SyncError, also where a part of it has died."""
    settings = load(directory)
    supervisor = Supervisor(asked.stopping)
    async with AsyncExitStack() as stack:
        config = await _open(settings, redactor)  # a mistake is told before any file is made
        stack.push_async_callback(config.stack.aclose)
        place = listen or settings.service.listen
        policy = access(settings, place)
        base, service = await _open_base(config, supervisor, redactor, stack)
        house = House(service, open_lists(state_path(settings)), Door(policy, config.key))
        stack.push_async_callback(house.lists.close)
        url = await stack.enter_async_context(listening(build(house), place.host, place.port))
        log.info("service.started", url=url, targets=list(settings.targets))
        try:
            await _Host(directory, base, house, place, asked).run(config)
        except asyncio.CancelledError:
            if not supervisor.dead:
                log.warning("service.stopped", unsettled=await base.store.in_flight())
                raise
    if supervisor.dead:
        raise SyncError(f"the service has ended: {supervisor.dead}")
    log.info("service.stopped")


async def _open_base(config: _Config, supervisor: Supervisor, redactor: Redactor, stack: AsyncExitStack) -> tuple[Base, Service]:
    """What outlives a configuration."""
    from sync.wire import open_wire

    path = state_path(config.settings)
    store = open_store(path, exclusive=True)
    stack.push_async_callback(store.close)
    keep_key(path, config.key)
    await config.board.remember(store)
    await recover(config.settings, store)
    wire = await stack.enter_async_context(open_wire())
    metrics = Metrics()
    recent = Recent(await traced(metrics, stack))
    return Base(store, wire, redactor, recent), Service(store, supervisor, metrics, recent)


async def _open(settings: Settings, redactor: Redactor) -> _Config:
    """What cannot be read now is read later; what lacks a thing that is named is a mistake. Raises ConfigError, StateError."""
    async with AsyncExitStack() as stack:
        key = secret_key(state_path(settings))
        board = open_board(settings, redactor, stack)
        feeds = make_feeds(board, tuple(settings.targets), key, stack)
        wrong: list[Mistake] = []
        for feed in feeds:
            try:
                wrong += await find_mistakes(feed, settings)
            except SourceError as error:
                log.warning("source.failed", source=feed.name, reason=str(error))
        if wrong:
            raise ConfigError(wrong)
        await check_addresses(settings, redactor)
        kept = stack.pop_all()
    return _Config(settings, key, tuple(feeds), board, kept)


async def _check(feed: Feed, settings: Settings) -> None:
    if wrong := await find_mistakes(feed, settings):
        raise ConfigError(wrong)


class _Host:
    """Keeps one configuration at work at a time, and puts the next one in its place."""

    def __init__(self, directory: Path, base: Base, house: House, place: Address, asked: Asked) -> None:
        self._directory = directory
        self._base = base
        self._house = house
        self._service = house.service
        self._place = place
        self._asked = asked
        self._closing = asyncio.Event()
        self._next: _Config | None = None

    async def run(self, config: _Config) -> None:
        """Until the process is asked to stop, and what was in flight then is settled."""
        watch, stopping = self._service.supervisor.watch, self._asked.stopping
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(self._end(asyncio.current_task()))
            reloading = group.create_task(watch("reload", self._reload(config.settings), until=stopping))
            following: _Config | None = config
            while following is not None and not stopping.is_set():
                await self._work(following)
                following, self._next = self._next, None
            if following is not None:
                await following.stack.aclose()
            for task in (ending, reloading):
                task.cancel()

    async def _work(self, config: _Config) -> None:
        """One configuration, until the next one or the end."""
        async with config.stack:
            self._closing = closing = asyncio.Event()
            settings, store = config.settings, self._base.store
            ways = await open_ways(config.board, self._base, closing)
            checks = {feed.name: partial(_check, feed, settings) for feed in config.feeds}
            schedules = {name: _schedule(target, settings) for name, target in settings.targets.items()}
            setup = Setup(config.feeds, checks, ways, schedules, closing)
            engine = Engine(setup, store, self._base.watch, self._service.supervisor, await store.timings())
            self._service.engine = engine
            self._base.redactor.learn(settings.service.secrets)
            self._house.door.take(access(settings, self._place))
            self._house.desk = make_desk(settings, config.feeds, store)
            async with asyncio.TaskGroup() as group:
                watch = partial(self._service.supervisor.watch, until=closing)
                retaining = group.create_task(watch("retention", retain(store, settings.keep)))
                alerting = group.create_task(watch("alerts", self._alert(engine, settings, closing)))
                await engine.run()
                await asyncio.wait([alerting], timeout=LAST_WORDS)
                for task in (retaining, alerting):
                    task.cancel()
            await config.board.remember(store)

    async def _alert(self, engine: Engine, settings: Settings, closing: asyncio.Event) -> None:
        """Where nobody is to be told, there is nothing to do."""
        post, table = open_post(settings, self._base.redactor), settings.alerts
        if post is None:
            await closing.wait()
        else:
            await Alerts(engine, self._base.store, AlertPolicy(table.after, table.intervals), post.send).run(closing)

    async def _end(self, main: asyncio.Task[None] | None) -> None:
        await self._asked.stopping.wait()
        log.info("service.stopping")
        self._closing.set()
        if self._service.supervisor.dead and main:
            asyncio.get_running_loop().call_later(self._asked.grace, main.cancel)

    async def _reload(self, current: Settings) -> None:
        """All of a new configuration is taken, or none of it."""
        while True:
            await self._asked.reload.wait()
            self._asked.reload.clear()
            try:
                settings = load(self._directory)
                _same_place(current, settings)
                access(settings, self._place)
                following = await _open(settings, self._base.redactor)
            except SyncError as error:
                log.error("config.refused", mistakes=str(error).splitlines())  # noqa: TRY400 - for a person
                continue
            current = settings
            superseded, self._next = self._next, following
            if superseded:
                await superseded.stack.aclose()
            self._closing.set()
            log.info("config.taken", targets=list(settings.targets))


def _same_place(old: Settings, new: Settings) -> None:
    """Raises ConfigError for what cannot change while the service runs."""
    wrong = [
        Mistake(new.file, key, "cannot change while the service runs: restart it")
        for key, before, after in (
            ("state.url", old.state.get_secret_value(), new.state.get_secret_value()),
            ("service.listen", old.service.listen, new.service.listen),
        )
        if before != after
    ]
    if wrong:
        raise ConfigError(wrong)


def _schedule(target: TargetSettings, settings: Settings) -> Schedule:
    table = target.table
    if table.every is None and table.schedule is None:
        log.warning("target.unscheduled", target=target.name, advice='it runs when asked to; set every = "5m" in its file')
    return Schedule(table.every, table.schedule, table.timezone or "UTC", settings.service.jitter, target.source)
