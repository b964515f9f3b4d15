"""`kind = "sql"`: a table or query of a database."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from sync.settings.sources.base import SourceTable
from sync.settings.values import DatabaseUrl, Duration
from sync.sources.secrecy import secrets_of

SQLITE = "sqlite:///"
FAMILIES = {
    "sqlite": "sqlite",
    "postgresql": "postgres",
    "postgresql+asyncpg": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mysql+asyncmy": "mysql",
    "mariadb": "mysql",
    "mariadb+asyncmy": "mysql",
}


class SqlTable(SourceTable):
    """`[sources.NAME]` with `kind = "sql"`."""

    kind: Literal["sql"] = Field(description="a table or query of a database")
    url: DatabaseUrl = Field(description="sqlite:///FILE, postgresql://, mysql://, mariadb://, or SQLAlchemy's for another one")
    table: str | None = Field(default=None, description="with its schema before a dot")
    query: str | None = Field(default=None, description="in place of a table")
    where: str | None = Field(default=None, description="an SQL condition: only rows for which it holds")
    children: dict[str, str] = Field(
        default_factory=dict, description="lists of a customer: a query each, the customer's key first, then the item's columns"
    )
    timeout: Duration = Field(default="10m", gt=timedelta(0), validate_default=True, description="for one answer of the database")
    tls: Literal["off", "prefer", "require", "verify"] = "prefer"
    tls_ca: str | None = Field(default=None, description="a file of certificates to verify the server's by")
    notify: str | None = Field(default=None, description="PostgreSQL: a channel that tells the service of changes")

    @model_validator(mode="after")
    def _one_selection(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("one of table and query is needed")
        if self.notify is not None and self.family != "postgres":
            raise ValueError("notify is for PostgreSQL only")
        return self

    def reading(self) -> tuple[object, ...]:
        """Where, and which rows."""
        place = urlsplit(self.url.get_secret_value())
        where = (place.scheme, place.username, place.hostname, place.port, place.path, place.query)
        return (self.kind, where, self.table, self.query, self.where, sorted(self.children.items()), self.key, self.cursor)

    @property
    def family(self) -> str:
        """sqlite, postgres, mysql, or other."""
        return FAMILIES.get(self.url.get_secret_value().partition("://")[0], "other")

    @property
    def named(self) -> Mapping[str, str]:
        """`xmin` is a column of every table of PostgreSQL, which no list of columns names."""
        found = super().named
        hidden = self.family == "postgres" and self.cursor == "xmin"
        return {part: name for part, name in found.items() if part != "cursor"} if hidden else found

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.url.get_secret_value().removeprefix(SQLITE)).expanduser()

    @property
    def offline(self) -> bool:
        """A file that is there."""
        return self.family == "sqlite" and self.path.exists()

    @property
    def missing(self) -> Path | None:
        """The file of a SQLite database."""
        return None if self.family != "sqlite" or self.path.exists() else self.path

    @property
    def secrets(self) -> tuple[str, ...]:
        """What the URL holds of them."""
        return secrets_of(self.url.get_secret_value())
