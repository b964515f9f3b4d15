"""The state as people look at it: pages of lists, over a connection of its own that cannot write."""

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from sync.errors import StateError
from sync.model import Failure, Numbered, Outcome, Run, Wanted
from sync.ports import Lists
from sync.stores import past
from sync.stores.codec import decode_errors
from sync.stores.file import meaning, same_schema
from sync.stores.ledger import Ledger
from sync.stores.reads import moment
from sync.stores.sqlite import BUSY_SECONDS


class SqliteLists(Ledger, Lists):
    """A ledger whose thread may take its time: who writes has another."""

    async def oldest(self) -> dict[str, datetime]:
        found = await self._call(_rows, OLDEST)
        return {target: moment(at) for target, at in found}

    async def out_of_step(self, wanted: Wanted, after: tuple[str, str], size: int) -> list[Failure]:
        return await self._call(_out_of_step, wanted, after, size)

    async def count(self, wanted: Wanted, most: int) -> int:
        values = (*_values(wanted, ("", "")), most)
        return int((await self._call(_rows, f"SELECT count(*) FROM ({EVERYBODY} LIMIT ?)", values))[0][0])  # noqa: S608

    async def page(self, before: str, size: int) -> list[Run]:
        return await self._call(_runs, "WHERE ? = '' OR run < ? ORDER BY run DESC LIMIT ?", (before, before, size))

    async def run(self, run: str) -> Run | None:
        return next(iter(await self._call(_runs, "WHERE run = ?", (run,))), None)

    async def fields(self, run: str) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for target, field, count in await self._call(_rows, FIELDS, (run,)):
            counts.setdefault(target, {})[field] = count
        return counts

    async def told_by(self, run: str, wanted: Wanted, after: tuple[str, str, int], size: int) -> list[Numbered]:
        return await self._call(_told_by, run, wanted, after, size)


EVERYBODY = """
SELECT target, customer, outcome, reason, errors, attempts, since, due FROM (
    SELECT target, customer, outcome, reason, errors, attempts, since, due FROM pending WHERE outcome IS NOT NULL
    UNION ALL
    SELECT u.target, u.customer, 'undone', u.run, '[]', 0, u.at, 0 FROM undone u LEFT JOIN pending p USING (target, customer)
    WHERE p.outcome IS NULL
)
WHERE (?1 = '' OR target = ?1) AND (?2 = '' OR outcome = ?2) AND (?3 = '' OR customer = ?3)
AND (?4 = '' OR customer LIKE ?5 ESCAPE '\\' OR reason LIKE ?5 ESCAPE '\\' OR CAST(errors AS TEXT) LIKE ?5 ESCAPE '\\')
AND (target, customer) > (?6, ?7)
"""
OLDEST = "SELECT target, min(at) FROM pending JOIN filings USING (version) WHERE NOT parked GROUP BY target"
FIELDS = """
SELECT target, json_extract(change.value, '$[0]') AS field, count(*) FROM history, json_each(CAST(changes AS TEXT)) change
WHERE run = ? GROUP BY target, field ORDER BY target, count(*) DESC, field
"""


def _rows(connection: sqlite3.Connection, statement: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
    return connection.execute(statement, values).fetchall()


def _values(wanted: Wanted, after: tuple[str, str]) -> tuple[str, ...]:
    text = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return wanted.target, wanted.outcome, wanted.customer, wanted.text, f"%{text}%", *after


def _out_of_step(connection: sqlite3.Connection, wanted: Wanted, after: tuple[str, str], size: int) -> list[Failure]:
    statement = f"{EVERYBODY} ORDER BY target, customer LIMIT ?"
    return [_failure(row) for row in connection.execute(statement, (*_values(wanted, after), size))]


def _failure(row: Sequence[Any]) -> Failure:
    target, customer, outcome, reason, errors, attempts, since, due = row
    said = past.UNDONE.format(run=reason) if outcome == Outcome.UNDONE.value else reason
    moments = moment(since), moment(due) if due else None
    return Failure(target, customer, Outcome(outcome), said, decode_errors(errors), attempts, *moments)


def _runs(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> list[Run]:
    statement = f"SELECT run, started, ended, report FROM main.runs {where}"  # noqa: S608 - our own words
    return [
        Run(run, moment(started), moment(ended) if ended else None, orjson.loads(report))
        for run, started, ended, report in connection.execute(statement, values)
    ]


def _told_by(connection: sqlite3.Connection, run: str, wanted: Wanted, after: tuple[str, str, int], size: int) -> list[Numbered]:
    statement = (
        f"SELECT number, {past.COLUMNS} FROM main.history WHERE run = ?1 AND (?2 = '' OR target = ?2)"  # noqa: S608
        " AND (?3 = '' OR outcome = ?3) AND (?4 = '' OR customer = ?4) AND (target, customer, number) > (?5, ?6, ?7)"
        " ORDER BY target, customer, number LIMIT ?8"
    )
    values = (run, wanted.target, wanted.outcome, wanted.customer, *after, size)
    return [Numbered(number, past.episode(row)) for number, *row in connection.execute(statement, values)]


def open_lists(path: Path) -> Lists:
    """The state for looking at it; it has to be there. Raises StateError."""
    with ExitStack() as undo:
        try:
            place = f"{path.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)
            undo.callback(connection.close)
            same_schema(connection, path)
        except sqlite3.Error as error:
            raise StateError(f"{path}: {meaning(error)}") from None
        undo.pop_all()
        return SqliteLists(connection, str(path))
