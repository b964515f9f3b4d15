"""The files that are there, and those that have been taken -> which are read now. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sync.sources.places import File

Selection = Literal["newest", "parts", "increments"]
Order = Literal["name", "modified"]


@dataclass(frozen=True, slots=True)
class Export:
    """What the files are: the `newest` holds all customers, or `parts` do together, or `increments` each what is new."""

    name: str
    """How messages call this source, such as `sources.crm`."""
    key: str
    files: Selection = "newest"
    order: Order = "name"
    settle: float = 10.0
    """Seconds for which nobody must have written to a file."""

    def chosen(self, found: Sequence[File]) -> list[File]:
        """In their order. An increment that is empty says nothing; any other file that is empty has lost what it held."""
        files = sorted((file for file in found if file.size or self.files != "increments"), key=ORDERS[self.order])
        return files[-1:] if self.files == "newest" else files

    def unsettled(self, file: File, now: float) -> float:
        """For how many seconds nobody must write to it any more. A time in the future is a wrong clock, and says nothing."""
        age = now - file.modified
        return min(self.settle, self.settle - age) if abs(age) < self.settle else 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """The files as they are, in their order, with a digest of what is in each."""

    files: tuple[File, ...]
    contents: tuple[str, ...]

    def cursor(self, rows: int | None) -> object:
        """What is remembered once they are taken."""
        taken = [(file.path, file.stamp, content) for file, content in zip(self.files, self.contents, strict=True)]
        return {"files": taken, "rows": rows}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a cursor remembers: path, stamp and content of each file, and how many rows there were."""

    files: Sequence[Sequence[str]] = ()
    rows: int | None = None

    @classmethod
    def of(cls, cursor: object) -> "Taken":
        """None is a cursor, too: nothing has been taken."""
        return cls(**cursor) if isinstance(cursor, dict) else cls()

    def contents(self, export: Export) -> Mapping[tuple[str, str], str]:
        """What need not be read again to know it, by path and stamp: an increment is not written to any more."""
        return {(path, stamp): content for path, stamp, content in self.files} if export.files == "increments" else {}

    def start(self, look: Look, export: Export) -> int:
        """From which of the files on they have to be read; their number: none has to.

        A later increment stands over an earlier one, so that all behind one that is new are read again. Of two with the same
        content both count: the second one may put back what one in between had changed.
        """
        if export.files != "increments":
            return len(look.files) if [content for *_, content in self.files] == list(look.contents) else 0
        taken = {(path, content) for path, _, content in self.files}
        pairs = [(file.path, content) for file, content in zip(look.files, look.contents, strict=True)]
        return next((place for place, pair in enumerate(pairs) if pair not in taken), len(pairs))


def _natural(path: str) -> list[Any]:
    """`part-10` behind `part-9`."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"([0-9]+)", path))]


ORDERS: Mapping[Order, Callable[[File], Any]] = {
    "name": lambda file: _natural(file.path),
    "modified": lambda file: (file.modified, _natural(file.path)),
}
