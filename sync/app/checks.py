"""Is the configuration right? Offline, and by looking at sources and accounts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from sync.app.parts import live_target, mistakes_of, open_board, state_path
from sync.app.sources import open_source
from sync.app.switchboard import Switchboard
from sync.errors import ConfigError, Mistake, SyncError
from sync.log import Redactor
from sync.model import Mismatch, Standing
from sync.pipeline.lane import Lane
from sync.pipeline.maptest import tried
from sync.pipeline.speaker import Speaker
from sync.pipeline.survey import Survey, survey
from sync.settings import Settings


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
    source = open_source(name, board, b"check", stack)
    wrong = await mistakes_of(name, source, settings, tuple(settings.targets))
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
        projection = live_target(target, settings, b"check").projection
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
                source = open_source(name, board, b"check", stack)
                wrong += await mistakes_of(name, source, settings, tuple(settings.targets))
            elif table.missing:
                warnings.append(f"{settings.file}: sources.{name}: {table.missing} is not there (seen from {Path.cwd()})")
        if wrong:
            raise ConfigError(wrong)
    return warnings
