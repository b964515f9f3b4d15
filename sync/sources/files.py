"""Files -> customers: found, settled, read whole into a spool or refused whole, and served from there.

A file has no order in which to read on, and no way to find one customer in it. So it is read from end to end into a temporary
database, and nothing of it is seen outside before its last byte has proved right and the file has proved unmoved. Then a page
or a single customer costs what it costs in a database, and memory does not grow with the file.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from itertools import islice
from typing import TypeVar

from sync.errors import SourceError
from sync.model import Customer
from sync.ports import Page, Source
from sync.sources.exports import Export, Look, Taken
from sync.sources.formats.base import Damaged, Format, LibraryMissing, Sheet
from sync.sources.formats.choice import unpacked
from sync.sources.places import File, Place
from sync.sources.rows import digester
from sync.sources.spool import Spool

T = TypeVar("T")
PAGE = 1000
BATCH = 2000
"""Rows that are read before anything else has its turn."""
MOVING = "is still being written: write it under another name, and rename it when it is whole"
PARTIAL = "increments never hold everybody, so that nobody can tell who is gone"
GONE = "no file holds this customer any more: put back the one that did, or export the customer again"


class Files(Source):
    """Customers in files."""

    def __init__(self, export: Export, place: Place, format: Format, digest_key: bytes) -> None:
        self._export = export
        self._place = place
        self._format = format
        self._digest = digester(digest_key)
        self._thread = ThreadPoolExecutor(1, "source")
        self._lock = asyncio.Lock()
        self._columns: Mapping[str, str] = {}
        self._spool: Spool | None = None
        self._look: Look | None = None
        self._start = 0
        self._rows: int | None = None

    async def fields(self) -> Mapping[str, str]:
        """The columns in the header of the newest file; without headers, those of all objects, for which all are read."""
        if self._format.declares:
            self._columns = await self._head((await self._find())[-1])
        else:
            async with self._lock:
                self._columns = (await self._read(await self._looked(Taken()), 0)).columns
        return self._columns

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        """Every customer, in the order of their keys, unless the cursor says that these very files have been taken.

        The last page has the cursor. Files with rows that have no key are not remembered, so that it is told until it is mended.
        """
        taken = Taken.of(cursor)
        async with self._lock:
            look = await self._looked(taken)
            start = taken.start(look, self._export)
            if start == len(look.files):
                self._pass(look, taken.rows)
                return
            spool = await self._read(look, start)
        rows = await self._call(spool.page, "", PAGE)
        while following := await self._call(spool.page, rows[-1][0], PAGE) if rows else []:
            yield Page(rows)
            rows = following
        yield Page(rows, None if spool.keyless else look.cursor(self._rows), spool.keyless)

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        """From the files as they were last found right. In increments nobody is gone who is merely in none of them."""
        spool = await self._held()
        found = await self._call(spool.customers, keys)
        if len(found) < len(keys) and self._start:
            spool = await self._held(whole=True)
            found = await self._call(spool.customers, keys)
        if self._export.files == "increments":
            there = {customer.key for customer in found}
            found += [Customer(key, {}, trouble=GONE) for key in keys if key not in there]
        return found

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        """From the files as they were last found right."""
        if self._export.files == "increments":
            raise SourceError(f"{self._export.name}: {PARTIAL}")
        spool, after = await self._held(), ""
        while rows := await self._call(spool.page, after, PAGE):
            yield [key for key, _ in rows]
            after = rows[-1][0]

    async def count(self) -> int | None:
        """As last found; None where only some of the increments have been read."""
        if self._look is None:
            await self._held()
        return self._rows

    async def close(self) -> None:
        """Ends the thread; the rows go away."""
        self._thread.shutdown()
        if self._spool is not None:
            self._spool.close()

    async def _find(self) -> list[File]:
        found = self._export.chosen(await self._call(self._place.find))
        if not found:
            raise SourceError(f"{self._export.name}: {self._place.where} is not there")
        return found

    async def _looked(self, taken: Taken) -> Look:
        """The files as they are once nobody writes to them any more."""
        files = await self._find()
        wait = max(self._export.unsettled(file, time.time()) for file in files)
        if wait > 0:
            await asyncio.sleep(wait)
            again = await self._find()
            moving = [file.name for file in files if file not in again]
            if moving:
                raise SourceError(f"{self._export.name}: {moving[0]} {MOVING}")
            files = again
        known = taken.contents(self._export)
        contents: list[str] = []
        for file in files:
            content = known.get((file.path, file.stamp))
            contents.append(await self._call(self._place.content, file) if content is None else content)
        return Look(tuple(files), tuple(contents))

    async def _held(self, *, whole: bool = False) -> Spool:
        """What is held is served at once, also while somebody waits for a file to settle."""
        if self._spool is not None and not (whole and self._start):
            return self._spool
        async with self._lock:
            if self._spool is None or (whole and self._start):
                return await self._read(await self._looked(Taken()), 0)
            return self._spool

    async def _read(self, look: Look, start: int) -> Spool:
        """The files from `start` on, read once as long as nothing else is in them. Raises SourceError, and keeps what it had."""
        if self._spool is not None and self._holds(look) and self._start <= start:
            return self._spool
        spool = Spool(self._export.key, self._digest)
        for file in look.files[start:]:
            await self._take(file, spool)
        for file, content in list(zip(look.files, look.contents, strict=True))[start:]:
            if not await self._call(self._place.holds, file, content):
                raise SourceError(f"{self._export.name}: {file.name} {MOVING}")
        await self._call(lambda: spool.finish(newest=self._export.files == "increments"))
        rows = None if start else await self._call(spool.count)
        self._spool, self._look, self._start, self._rows = spool, look, start, rows
        return spool

    def _pass(self, look: Look, rows: int | None) -> None:
        """These files have been taken before; rows of others are no longer what is there."""
        if not self._holds(look):
            self._spool, self._look, self._start, self._rows = None, look, 0, rows

    def _holds(self, look: Look) -> bool:
        return self._look is not None and self._look.contents == look.contents

    # ---- one file

    async def _take(self, file: File, spool: Spool) -> None:
        async with self._opened(file) as sheet:
            self._check(sheet, spool.columns)
            spool.begin(sheet)
            while await self._call(spool.add, islice(sheet.rows, BATCH)):
                pass

    async def _head(self, file: File) -> Mapping[str, str]:
        async with self._opened(file) as sheet:
            return sheet.columns

    @asynccontextmanager
    async def _opened(self, file: File) -> AsyncIterator[Sheet]:
        try:
            with closing(await self._call(self._place.open, file)) as opened:
                yield await self._call(lambda: self._format.read(unpacked(opened, file.path)))
        except Damaged as error:
            raise SourceError(f"{self._export.name}: {file.name}: {error}; nothing of it is taken") from None
        except LibraryMissing as error:
            raise SourceError(f"{self._export.name}: {file.name}: {error}") from None

    def _check(self, sheet: Sheet, others: Mapping[str, str]) -> None:
        """A column that is not there would empty a field of every customer. Increments may each have another header."""
        if not self._format.declares or self._export.files == "increments":
            return
        lost = next((name for name in {**self._columns, **others} if name not in sheet.columns), None)
        if lost:
            raise Damaged(f"its header has no column {lost} any more, or not as the other parts have")
        new = next((name for name in sheet.columns if name not in others), None)
        if new and others:
            raise Damaged(f"its header has a column {new}, which the other parts do not have")

    async def _call(self, function: Callable[..., T], *values: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *values)
        except sqlite3.Error as error:
            raise SourceError(f"{self._export.name}: the temporary database of its rows: {error}") from None
        except OSError as error:
            raise SourceError(f"{self._export.name}: {self._place.where}: {error.strerror or error}") from None
