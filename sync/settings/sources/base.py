"""What every kind of source says of itself: how it is read, the columns that it names, and what has to be kept secret."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import Field

from sync.settings.base import Table
from sync.settings.values import Duration


class SourceTable(Table):
    """The keys of all kinds. Each kind adds `kind: Literal[...]` and its own."""

    kind: str
    key: str = Field(description="the field that tells customers apart")
    cursor: str | None = Field(default=None, description="the field that grows whenever a customer changes")
    overlap: Duration = Field(default="5m", validate_default=True, description="how far to read back behind the cursor")

    full_every: Duration = Field(
        default="1d",
        ge=timedelta(seconds=1),
        validate_default=True,
        description="how often at least all keys are read, where a target wants to know who is gone (missing_in_source)",
    )

    @abstractmethod
    def reading(self) -> tuple[object, ...]:
        """All that decides which rows are read and what is in them; no passwords, no pace, no time-outs."""

    @property
    def definition(self) -> str:
        """A digest; another one means: another way to read, or another place to read from, so an old cursor says nothing."""
        return hashlib.blake2b(repr(self.reading()).encode(), digest_size=16).hexdigest()

    @property
    def named(self) -> Mapping[str, str]:
        """The source's fields that this table names, by the key that names them."""
        return {"key": self.key} | ({} if self.cursor is None else {"cursor": self.cursor})

    @property
    def partial(self) -> str:
        """Why it never shows everybody, so that nobody can be gone from it; empty: it does."""
        return ""

    @property
    def offline(self) -> bool:
        """Whether it can be looked at without a network: `check` does so without being asked."""
        return False

    @property
    def missing(self) -> Path | None:
        """The file on this machine that it would read, and that is not there (yet)."""
        return None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any message."""
        return ()
