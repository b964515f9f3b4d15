"""A query of one-to-many rows -> a list for each customer: of values, or where there are several columns, of objects."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

from sync.errors import NotThere
from sync.sources.dialect import Dialect, Row
from sync.sources.rows import key_text

PAGE = 1000


class Children:
    """One list. The query's first column is the customer's key; the items are in the order of the other columns."""

    def __init__(self, name: str, query: str, dialect: Dialect) -> None:
        self.name = name
        self._dialect = dialect
        self._selection = f"({dialect.verbatim(query.rstrip().rstrip(';'))}\n) t"
        self._columns: Mapping[str, str] = {}

    async def kind(self) -> str:
        """How its type is called; looked up once. Raises NotThere where the query cannot be used."""
        if not self._columns:
            try:
                found = await self._dialect.columns(f"SELECT * FROM {self._selection}")  # noqa: S608 - the user's own query
            except NotThere as error:
                raise NotThere(str(error), f"children.{self.name}") from None
            if len(found) == 1:
                reason = "has to select the customer's key first, and then at least one column"
                raise NotThere(reason, f"children.{self.name}")
            self._columns = found
        return "LIST"

    async def of(self, keys: Sequence[str]) -> Mapping[str, list[Any]]:
        """The list of each customer that has one. Raises Lost, SourceError."""
        await self.kind()
        (key, kind), *others = self._columns.items()
        condition, values = self._dialect.among(key, kind, keys)
        select = ", ".join(self._dialect.column(name, of) for name, of in self._columns.items())
        statement = f"SELECT {select} FROM {self._selection} WHERE {condition}"  # noqa: S608 - as above
        readers = [self._dialect.reader(of) for _, of in others]
        found: dict[str, list[Row]] = {}
        async with self._dialect.snapshot() as snapshot, aclosing(snapshot.scan(statement, values, PAGE)) as pages:
            async for rows in pages:
                for first, *rest in rows:
                    item = tuple(
                        value if value is None or read is None else read(value) for value, read in zip(rest, readers, strict=True)
                    )
                    found.setdefault(key_text(first) or "", []).append(item)
        names = [name for name, _ in others]
        return {customer: _items(rows, names) for customer, rows in found.items()}


def _items(rows: list[Row], names: Sequence[str]) -> list[Any]:
    """Ordered, since a database promises no order: the same rows are the same list."""
    ordered = sorted(rows, key=repr)
    with suppress(TypeError):
        ordered = sorted(rows)
    return [row[0] if len(names) == 1 else dict(zip(names, row, strict=True)) for row in ordered]
