"""`kind = "sql"`: a table or query of a database."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from sync.settings.sources.base import SourceTable
from sync.settings.values import DatabaseUrl

SQLITE = "sqlite:///"


class SqlTable(SourceTable):
    """`[sources.NAME]` with `kind = "sql"`."""

    kind: Literal["sql"] = Field(description="a table or query of a database")
    url: DatabaseUrl
    table: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one_selection(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("one of table and query is needed")
        return self

    def reading(self) -> tuple[object, ...]:
        """Where, and which rows."""
        return (self.kind, self.url.get_secret_value(), self.table, self.query, self.key, self.cursor)

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.url.get_secret_value().removeprefix(SQLITE)).expanduser()

    @property
    def offline(self) -> bool:
        """A file that is there."""
        return self.path.exists()

    @property
    def missing(self) -> Path | None:
        """The file of a SQLite database."""
        return None if self.path.exists() else self.path
