"""A source -> what `check --online` tells of it: rows, columns and who uses them, the cursor's range, and three customers."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from sync.model import Customer
from sync.ports import Source, Span

SAMPLE = 3


@dataclass(frozen=True, slots=True)
class Survey:
    """`columns` are types by name, `used` the targets that use a column, `rows` None where that cannot be told."""

    rows: int | None
    columns: Mapping[str, str]
    used: Mapping[str, Sequence[str]]
    cursor: str | None
    span: Span | None
    sample: Sequence[Customer]

    @property
    def warnings(self) -> list[str]:
        """What works, but could be better."""
        found = []
        if self.rows == 0:
            found.append("there are no rows")
        if self.span is not None and self.span.indexed is False:
            found.append(f"{self.cursor} has no index, so every run reads the whole table: {self.span.advice}")
        found += [f"{customer.key}: {customer.trouble}" for customer in self.sample if customer.trouble]
        return found


async def survey(source: Source, cursor: str | None, used: Mapping[str, Sequence[str]]) -> Survey:
    """Looks at everything once. Raises SourceError."""
    columns = await source.fields()
    span = None if source.span is None or cursor is None else await source.span()
    few = await _sample(source) if source.few is None else await source.few()
    return Survey(await source.count(), columns, used, cursor, span, few)


async def _sample(source: Source) -> Sequence[Customer]:
    async with aclosing(source.changed(None)) as pages:  # type: ignore[type-var]
        async for page in pages:
            if page.rows:
                return await source.fetch([key for key, _ in page.rows[:SAMPLE]])
    return ()
