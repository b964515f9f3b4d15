"""A table or query, in a database's dialect -> the statements that read it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sync.errors import SourceError
from sync.sources.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Table:
    """What is read: a table or a query, of that the rows `where`, by `key` and `cursor` (None: every row, every time)."""

    name: str
    """How messages call this source, such as `sources.crm`."""
    key: str
    table: str | None = None
    query: str | None = None
    cursor: str | None = None
    overlap: timedelta = timedelta(0)
    where: str | None = None
    children: Mapping[str, str] = field(default_factory=dict)
    """For each list of a customer a query: its first column is the customer's key, the others are the list's items."""
    channel: str | None = None
    """What the database says something on whenever a row changes."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is selected of each row, and where in it the key, the cursor, and all by which a change is seen stand."""

    select: str
    key: int
    cursor: int
    content: slice


@dataclass(frozen=True, slots=True)
class Statements:
    """How a table is read from its database."""

    table: Table
    dialect: Dialect

    def select(self, what: str, condition: str = "") -> str:
        """What is wanted of the rows that are read, or of those for which a condition holds."""
        table = self.table
        own = self.dialect.verbatim(table.query or "").rstrip().rstrip(";")
        selection = f"({own}\n)" if table.query else self.dialect.table(table.table or "")
        where = f"({self.dialect.verbatim(table.where)}\n)" if table.where else ""
        conditions = " AND ".join(part for part in (where, condition) if part)
        return f"SELECT {what} FROM {selection} t" + (f" WHERE {conditions}" if conditions else "")  # noqa: S608 - the user's own

    def shape(self, columns: Mapping[str, str]) -> Shape:
        """What is selected of each row to see whether it has changed. Raises SourceError for a column that is not there."""
        key = self.place(columns, self.table.key)
        name = self.table.cursor
        kind = self.cursor_kind(columns) if name else ""
        at = list(columns).index(name) if name and name in columns else key
        if self.dialect.content is None:
            return Shape(self.every_column(columns), key, at, slice(None))
        chosen = [self.dialect.column(self.table.key, columns[self.table.key])]
        if name and not self.dialect.is_transaction(kind):
            chosen.append(self.dialect.clipped(name, kind))
        return Shape(", ".join([*chosen, self.dialect.content]), 0, len(chosen) - 1, slice(len(chosen), None))

    def every_column(self, columns: Mapping[str, str]) -> str:
        """All that a row has, in the order of the columns."""
        return ", ".join(self.dialect.column(name, kind) for name, kind in columns.items())

    def cursor_kind(self, columns: Mapping[str, str]) -> str:
        """The type of the cursor's column; `xmin` is one that every table of PostgreSQL has, and that no list names."""
        name = self.table.cursor or ""
        if name == "xmin" and name not in columns and self.dialect.horizon:
            return "xid"
        self.place(columns, name)
        return columns[name]

    def place(self, columns: Mapping[str, str], name: str) -> int:
        """Where a column stands in a row. Raises SourceError where there is none."""
        if name not in columns:
            raise SourceError(f"{self.table.name}: there is no column {name}")
        return list(columns).index(name)

    def index(self, column: str) -> str:
        """The statement that makes the cursor quick."""
        table, quote = self.table.table or "", self.dialect.quote
        index = quote(f"{table.rpartition('.')[2]}_{column}")
        return f"CREATE INDEX {index} ON {self.dialect.table(table)} ({quote(column)}, {quote(self.table.key)})"
