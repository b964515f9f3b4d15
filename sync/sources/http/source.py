"""A list of customers behind an account or API -> customers: who has changed, and single ones by key.

Whoever comes twice is one customer, as shown last; whoever cannot be read is one that every target rejects.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from sync.errors import Refused, SourceError, SyncError, first
from sync.model import Conversation, Customer, Listed
from sync.ports import Ask, Listing, Page, Source, Span
from sync.sources.http.glance import Glance, glance
from sync.sources.http.seen import Seen
from sync.sources.http.stamps import before, earlier
from sync.sources.http.walk import Walk
from sync.sources.rows import digester
from sync.sources.watermark import BACK

TURNS = 4
"""So many times a list is read before it is given up as one that never holds still."""
STUCK = 20
"""So many pages on end without anybody new are the same page again and again."""
BATCH = 200
PAGE = 1000
SAMPLE = 3
"""So many customers are looked at to learn the fields, where the list itself does not show all of them."""
Values = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """How a list is read: the source's `name` in messages, and fields beside those that the first customers show."""

    name: str
    overlap: timedelta | None = None
    optional: tuple[str, ...] = ()
    concurrency: int = 4


class Names(Listing):
    """A list as it is, taken for all that there is to know."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self.steady = listing.steady

    def page(self, since: object, at: object) -> Conversation[Listed]:
        """The list's own."""
        return self._listing.page(since, at)

    def read(self, key: str) -> Conversation[Mapping[str, Any] | None]:
        """Not asked for."""
        return self._listing.read(key)


class Http(Source):
    """Customers behind an account or API, read through `ask`, which alone knows the network."""

    def __init__(self, listing: Listing, ask: Ask, policy: HttpPolicy, digest_key: bytes) -> None:
        self._listing = listing
        self._ask = ask
        self._policy = policy
        self._overlap = listing.overlap if policy.overlap is None else policy.overlap
        self._narrowed = listing.narrows or (listing.cursor is not None and not listing.whole)
        self._hash = digester(digest_key)
        self._seen = Seen()
        self._complete = False
        self._glance: Glance | None = None
        self.few = self._few
        if listing.cursor is not None:
            self.span = self._span

    async def fields(self) -> Mapping[str, str]:
        """What the first page shows, and what is known of the account; empty where there is nobody to learn it from."""
        return (await self._first()).fields

    async def count(self) -> int | None:
        """As many as the last reading has shown if that was all of the list, else as many as the account says there are."""
        if self._complete:
            return len(self._seen)
        return (await self._first()).total

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        """As the last reading has shown them if that was all of the list; else it is read, without a look at single customers."""
        if self._complete:
            for keys in self._seen.keys(PAGE):
                yield keys
            return
        roll = Http(Names(self._listing), self._ask, self._policy, b"")
        try:
            async for _ in roll.changed(None):
                """Only to have seen everybody."""
            async for listed in roll.everybody():
                yield listed
        finally:
            await roll.close()

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        """In the list's order; the cursor moves at the end, when it is certain that nobody was missed."""
        since = earlier(cursor, self._overlap) if self._narrowed and cursor is not None else None
        seen = Seen()  # its own: what the last reading has shown is still asked for meanwhile
        walk = Walk(cursor, self._listing.cursor)
        try:
            while not walk.is_settled(len(seen), steady=self._listing.steady):
                if walk.turns == TURNS:
                    raise SourceError(f"{self._policy.name}: {walk.unsettled(len(seen))}")
                async for page in self._turn(since, walk, seen):
                    yield page
            self._seen, seen, self._complete = seen, self._seen, since is None
        finally:
            seen.close()
        if self._narrowed:
            yield Page((), walk.reached(), note=walk.note(self._policy.name))
        if since is not None and self._overlap and self._listing.whole and walk.is_behind:
            yield Page((), note=f"{self._policy.name}: {self._listing.cursor} {BACK}")
            async for page in self.changed(None):
                yield page

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        """As the list has just shown them; who was not on it is asked for singly, or else the whole list is read."""
        found = self._seen.customers(keys)
        missing = [key for key in keys if key not in found]
        if missing and not self._complete and self._listing.reads:
            return [*filter(None, found.values()), *await self._read(missing)]
        if missing and not self._complete:
            async for _ in self.changed(None):
                """Only to have seen everybody."""
            found = self._seen.customers(keys)
        return [customer for customer in found.values() if customer]

    async def close(self) -> None:
        """Forgets everybody."""
        self._seen.close()

    # ---- a first look

    async def _first(self) -> Glance:
        """At the first page, asked for once; to know more, everything would have to be read."""
        if self._glance is None:
            page = await self._page(None, None)
            there = {key: values for key, values in page.items if key is not None and values is not None}
            chosen = dict(islice(there.items(), SAMPLE))
            few = await self._customers(chosen, dict.fromkeys(chosen, b""))
            self._glance = glance(page, few, self._listing, self._policy.optional)
        return self._glance

    async def _few(self) -> Sequence[Customer]:
        return (await self._first()).few

    async def _span(self) -> Span:
        return (await self._first()).span

    # ---- a list, page by page

    async def _turn(self, since: object, walk: Walk, seen: Seen) -> AsyncIterator[Page]:
        """From the first page to the last; back by one where a page does not overlap that should."""
        at: object = None
        last: Values = None
        stuck = 0
        walk.begin()
        while True:
            listed = await self._page(since, at)
            walk.met(listed)
            keys = [key for key, _ in listed.items if key is not None]
            met = {key for key, (_, turn) in seen.known(keys).items() if turn == walk.turns}
            stuck = 0 if set(keys) - met else stuck + 1
            if stuck > STUCK:
                raise SourceError(f"{self._policy.name}: the list repeats itself without an end: is its paging named right?")
            joins = listed.again is not None and _joins(listed.items, met, last)
            items = listed.items[1:] if joins and listed.items[0][0] is None else listed.items
            for start in range(0, len(items), BATCH):
                yield await self._taken(items[start : start + BATCH], since, walk, seen)
            at = listed.next if joins or listed.again is None else listed.again
            if at is None:
                return
            last = listed.items[-1][1] if listed.items else None

    async def _page(self, since: object, at: object) -> Listed:
        try:
            return await self._ask(lambda: self._listing.page(since, at))
        except Refused as refused:
            raise SourceError(f"{self._policy.name}: {refused.reason}") from None

    async def _taken(self, items: Sequence[tuple[str | None, Values]], since: object, walk: Walk, seen: Seen) -> Page:
        """Notes some of a page; the rows are those that differ from what this reading has shown before."""
        for _, values in items:
            walk.passed(values)
        told = {key: values for key, values in items if key is not None and not self._is_behind(values, since)}
        marks = {key: self._digest(values) for key, values in told.items()}
        known = seen.known(told)
        moved = [key for key in told if key not in known or known[key][0] != marks[key]]
        customers = {customer.key: customer for customer in await self._customers({key: told[key] for key in moved}, marks)}
        keyless = sum(key is None for key, _ in items)
        walk.fresh += len(told.keys() - known.keys())
        walk.look_ahead(told[key] for key in told if key not in known or known[key][1] != walk.turns)
        walk.left_out += keyless + len({key for key, _ in items if key is not None} - told.keys())
        seen.note(walk.turns, [(key, marks[key], customers.get(key)) for key in moved])
        seen.meet(walk.turns, told.keys() - customers.keys())
        return Page([(key, customer.digest) for key, customer in customers.items()], keyless=keyless if walk.turns == 1 else 0)

    def _is_behind(self, values: Values, since: object) -> bool:
        """Where the account does not narrow its list, we do, by the field that grows."""
        listing = self._listing
        if since is None or listing.narrows or listing.cursor is None:
            return False
        return before((values or {}).get(listing.cursor), since)

    # ---- single customers

    async def _customers(self, told: Mapping[str, Values], marks: Mapping[str, bytes]) -> list[Customer]:
        """All of each, without those who are gone."""
        if self._listing.whole:
            return [Customer(key, values, marks[key]) for key, values in told.items() if values is not None]
        return await self._read([key for key, values in told.items() if values is not None])

    async def _read(self, keys: Sequence[str]) -> list[Customer]:
        """Side by side, as many as the account allows."""
        gate = asyncio.Semaphore(self._policy.concurrency)

        async def one(key: str) -> Customer | None:
            async with gate:
                return await self._one(key)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(key)) for key in keys]
        except* SyncError as failed:
            raise first(failed) from None
        return [customer for task in tasks if (customer := task.result())]

    async def _one(self, key: str) -> Customer | None:
        """A digest of what is shown singly says nothing where digests are those of what the list shows."""
        try:
            values = await self._ask(lambda: self._listing.read(key), key)
        except Refused as refused:
            return Customer(key, {}, self._digest({"": refused.reason}), f"the source does not show it: {refused.reason}")
        return None if values is None else Customer(key, values, b"" if self._listing.whole else self._digest(values))

    def _digest(self, values: Values) -> bytes:
        """Of the values in the order of their names, with a decimal other than the text that looks like it."""
        return self._hash((json.dumps(values, sort_keys=True, default=lambda number: [str(number)]),))


def _joins(items: Sequence[tuple[str | None, Values]], met: Collection[str], last: Values) -> bool:
    """Whether a page begins with somebody who was met, or, if that one has no key, with the very last of the page before."""
    if not items:
        return False
    key, values = items[0]
    return values == last if key is None else key in met
