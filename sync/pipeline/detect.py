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


@dataclass(frozen=True, slots=True)
class Stream:
    """A source as it is read now, and the targets that wait for its customers; `definition` says how it is read."""

    name: str
    source: Source
    definition: str
    targets: Sequence[str]


async def detect(
    stream: Stream,
    store: Filer,
    watch: Callable[[int], None] = lambda _rows: None,
    note: Callable[[str], None] = lambda _note: None,
) -> Detected:
    """Files every customer whose content differs from what was last seen.

    `watch` is told the rows so far, `note` what is odd about the source.

    A cursor holds for one definition of the source only. Raises SourceError; what was filed until then stays, and the next run
    reads on from there. Raises Keyless at the end.
    """
    name, rows, changed, keyless = stream.name, 0, 0, 0
    kept = await store.cursor(name)
    cursor = start = kept[1] if isinstance(kept, list) and kept[0] == stream.definition else None
    async with aclosing(stream.source.changed(start)) as pages:  # type: ignore[type-var]
        async for page in pages:
            fresh = await store.unseen(name, page.rows, page.whole)
            reach("before_filing")
            if fresh or page.cursor not in (None, cursor):
                moved = None if page.cursor is None else [stream.definition, page.cursor]
                await store.file(Filing(name, fresh, stream.targets, moved))
            if page.note:
                note(page.note)
            cursor = page.cursor
            rows += len(page.rows)
            changed += len(fresh)
            keyless += page.keyless
            watch(rows)
    if keyless:
        raise Keyless(f"sources.{name}: {keyless} of {rows + keyless} rows have no key; the others are taken: give them one")
    return Detected(rows, changed)
