"""What the pages of a list show while it is read -> whether that was all of it, and where to read on from next time. Pure.

Pages shift when customers come and go meanwhile, so that somebody slips from a page that is still to come to one that has been
read. A list is settled when nobody can have slipped: its pages overlap or keep their place, or it has told the same total all
the way and shown as many, or it has been read once more and showed nobody new.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync.model import Listed
from sync.sources.http.stamps import before, earlier, latest, written
from sync.sources.watermark import AHEAD, in_future


@dataclass(slots=True)
class Walk:
    """One reading of a list, in one turn or more; `cursor` is where the last reading ended, `changes` the field that grows."""

    cursor: object
    changes: str | None
    turns: int = 0
    fresh: int = 0
    left_out: int = 0
    ahead: int = 0
    _pages: int = 0
    _total: int | None = None
    _totals: set[int | None] = field(default_factory=set)
    _greatest: object = None
    _began: datetime | None = None
    _ended: datetime | None = None

    def begin(self) -> None:
        """From the first page on."""
        self.turns += 1
        self.fresh = self.left_out = self.ahead = self._pages = 0
        self._totals = set()

    def met(self, page: Listed) -> None:
        """One page more."""
        self._pages += 1
        self._total = page.total
        self._totals.add(page.total)
        self._began, self._ended = self._began or page.at, page.at

    def passed(self, values: Mapping[str, Any] | None) -> None:
        """One customer more."""
        if self.changes is not None and self._ended is not None:
            self._greatest = latest(self._greatest, (values or {}).get(self.changes), self._ended)

    def look_ahead(self, customers: Iterable[Mapping[str, Any] | None]) -> None:
        """Counts those among them, met for the first time in this turn, whose time lies in the future."""
        if self.changes is not None and self._ended is not None:
            self.ahead += sum(in_future((values or {}).get(self.changes), self._ended) for values in customers)

    @property
    def is_behind(self) -> bool:
        """Whether nobody is left at the place where the last reading ended, or behind it, although it was read on from there."""
        if self.changes is None or self.cursor is None:
            return False
        return self._greatest is None or before(self._greatest, self.cursor)

    def note(self, name: str) -> str:
        """What is odd about this reading."""
        return f"{name}: {self.changes} {AHEAD.format(self.ahead)}" if self.ahead else ""

    def is_settled(self, seen: int, *, steady: bool) -> bool:
        """Whether nobody is missing; `seen` is everybody who was, in all turns."""
        if not self.turns:
            return False
        enough = self._total is None or seen + self.left_out >= self._total
        constant = self._total is not None and len(self._totals) == 1
        calm = steady or self._pages == 1 or (constant if self.turns == 1 else not self.fresh)
        return enough and calm

    def unsettled(self, seen: int) -> str:
        """Why it cannot be taken for the whole list."""
        if self._total is not None and seen + self.left_out < self._total:
            return f"the list is said to have {self._total} customers and shows {seen + self.left_out}: not taken for all of them"
        return f"the list keeps shifting, {self.turns} times over, while it is read: ask for it in an order that lasts, as by id"

    def reached(self) -> object:
        """The cursor now, not past the moment at which this reading began: who changed after that may have been missed."""
        if self._began is None or self._ended is None:
            return self.cursor
        if self.changes is None:
            return latest(self.cursor, written(self._began), self._ended)
        if self._greatest is None:
            return self.cursor
        return latest(self.cursor, earlier(self._greatest, self._ended - self._began), self._ended)
