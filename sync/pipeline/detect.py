"""A source -> who waits for which target. What was seen, who waits and the cursor are written at once, page by page."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from sync.errors import Keyless
from sync.failpoints import reach
from sync.model import Filing
from sync.ports import Filer, Source


@dataclass(frozen=True, slots=True)
class Detected:
    """How many rows were read, how many of them differ from what was last seen."""

    rows: int = 0
    changed: int = 0


async def detect(
    name: str, source: Source, targets: Sequence[str], store: Filer, watch: Callable[[int], None] = lambda _rows: None
) -> Detected:
    """Files every customer whose content differs from what was last seen; `watch` is told the rows so far.

    Raises SourceError; what was filed until then stays, and the next run reads on from there. Raises Keyless at the end.
    """
    rows = changed = keyless = 0
    cursor = start = await store.cursor(name)
    async with aclosing(source.changed(start)) as pages:  # type: ignore[type-var]
        async for page in pages:
            fresh = await store.unseen(name, page.rows)
            reach("before_filing")
            if fresh or page.cursor not in (None, cursor):
                await store.file(Filing(name, fresh, targets, page.cursor))
            cursor = page.cursor
            rows += len(page.rows)
            changed += len(fresh)
            keyless += page.keyless
            watch(rows)
    if keyless:
        raise Keyless(f"sources.{name}: {keyless} of {rows + keyless} rows have no key; the others are taken")
    return Detected(rows, changed)
