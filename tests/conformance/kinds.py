"""The kinds of sources, each with a ground to stand on and what it cannot do, by the reason."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from sync.wire import open_wire
from tests.conformance.apis import WAYS, Listed
from tests.conformance.exports import KINDS as FORMATS
from tests.conformance.exports import Exported
from tests.conformance.grounds import Alchemy, Ground, Lite, Mariadb, Postgres

SERVER: Mapping[str, str] = {}
LITE = {"server": "it is a file: there is no connection that breaks"}
FILE = LITE | {
    "sql": "there is no database to state anything to",
    "cursor": "a file has no order in which to read on: it is read whole, or known by its content",
    "resume": "nothing of a file is taken before its end has proved right, so that a read that broke off begins anew",
    "present": "customers are as the files were last found right",
}
EXCEL = FILE | {"flat": "a workbook keeps all its texts in one table, which whoever reads it has to hold"}
HTTP = {
    "server": "each page is a request of its own, which is repeated",
    "sql": "there is no database to state anything to",
    "resume": "the cursor moves when the whole list has been read, since pages shift while it is",
    "present": "customers are as the list has last shown them",
    "twice": "whoever comes twice is one customer, as shown last: pages that shift show people twice",
}
WHOLE = HTTP | {"flat": "all of the list is one reply"}


@dataclass(frozen=True, slots=True)
class Kind:
    """`made` gets a folder and the fixtures by name; `lacks` are promises that it cannot keep, with the reason."""

    made: Callable[[Path, Callable[[str], Any]], Ground]
    lacks: Mapping[str, str]
    marks: tuple[pytest.MarkDecorator, ...] = ()


def _exported(name: str, folder: Path, _: Callable[[str], Any]) -> Ground:
    return Exported(path=folder / "crm.db", kind=name)


def _listed(way: str, folder: Path, _: Callable[[str], Any]) -> Ground:
    return Listed(path=folder / "crm.db", way=way)


KINDS: Mapping[str, Kind] = {
    "sqlite": Kind(lambda folder, _: Lite(path=folder / "crm.db"), LITE),
    "alchemy": Kind(lambda folder, _: Alchemy(path=folder / "crm.db"), LITE),
    "postgres": Kind(lambda _, fixture: Postgres(url=fixture("postgres")), SERVER),
    "mariadb": Kind(lambda _, fixture: Mariadb(url=fixture("mysql")), SERVER, (pytest.mark.mysql,)),
    **{name: Kind(partial(_exported, name), EXCEL if name == "excel" else FILE) for name in FORMATS},
    **{f"http-{way}": Kind(partial(_listed, way), WHOLE if way == "whole" else HTTP) for way in WAYS},
}


@asynccontextmanager
async def opened(kind: str, folder: Path, fixture: Callable[[str], Any]) -> AsyncIterator[Ground]:
    """A ground, with whatever serves it; its sources are closed with it."""
    ground = KINDS[kind].made(folder, fixture)
    try:
        if not isinstance(ground, Listed):
            yield ground
            return
        async with TestServer(ground.app()) as server, open_wire() as wire:
            ground.url, ground.wire = str(server.make_url("/")).rstrip("/"), wire
            yield ground
    finally:
        for source in ground.opened:
            await source.close()
