"""A JSON API, as the configuration describes it -> its list of customers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from sync import reading
from sync.errors import Unclear
from sync.model import Conversation, Listed, Reply, Request
from sync.ports import Listing
from sync.sources.http.paging import Paging, Turn, Whole, extended
from sync.sources.http.paths import Path, lists, parse
from sync.sources.http.stamps import spelled
from sync.sources.rows import key_text

GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
HERE = parse("")
SAYING = ("detail", "message", "error_description", "title", "error")


@dataclass(frozen=True, slots=True)
class Narrowing:
    """How a list is asked for that has only those who changed: the parameter, and how a time is written in it."""

    parameter: str
    form: str | None = None


@dataclass(frozen=True, slots=True)
class Single:
    """Where one customer is shown: an address with `{key}` in it, and the place of the customer in the reply."""

    url: str
    at: Path = HERE


@dataclass(frozen=True, slots=True)
class Api(Listing):
    """One list of an API: its address, where in the reply the customers stand, and how it goes on."""

    url: str
    key: str
    items: Path = HERE
    total: Path | None = None
    paging: Paging = field(default_factory=Whole)
    narrowing: Narrowing | None = None
    single: Single | None = None
    cursor: str | None = None
    whole: bool = True
    overlap: timedelta = timedelta(minutes=5)

    @property
    def narrows(self) -> bool:  # type: ignore[override]
        return self.narrowing is not None

    @property
    def reads(self) -> bool:  # type: ignore[override]
        return self.single is not None

    @property
    def steady(self) -> bool:  # type: ignore[override]
        return self.paging.steady

    def page(self, since: object, at: object) -> Conversation[Listed]:
        """An address that names the next page has everything else in it."""
        narrowing = self.narrowing
        narrow = {narrowing.parameter: spelled(since, narrowing.form)} if narrowing and since is not None else {}
        url = self.paging.url(extended(self.url, narrow), at)
        reply = yield Request("GET", url, lists=True)
        tree = _tree(reply)
        items = self._items(tree, reply)
        total = self._total(tree)
        following, again = self.paging.after(Turn(at, url, reply, tree, len(items), total))
        return Listed([self._told(item) for item in items], reading.date(reply), following, again, total)

    def read(self, key: str) -> Conversation[Mapping[str, Any] | None]:
        """One that is not found is gone; one with another key is somebody else."""
        single = self.single or Single(self.url)
        reply = yield Request("GET", single.url.replace("{key}", quote(key, safe="")))
        if reply.status in GONE:
            return None
        try:
            item = single.at.find(_tree(reply))
        except LookupError as error:
            raise Unclear(f"the reply shows no customer: {error}") from None
        found, values = self._told(item)
        if found != key:
            raise Unclear("the reply is about another customer, or does not say which")
        return values

    def _items(self, tree: object, reply: Reply) -> list[Any]:
        try:
            items = self.items.find(tree)
        except LookupError as error:
            raise Unclear(f"the reply is no list of customers: {error}{_hint(tree, reply)}") from None
        if not isinstance(items, list):
            raise Unclear(
                f"the reply is no list of customers: {self.items.text or 'all of it'} is not a list{_hint(tree, reply)}"
            )
        return items

    def _total(self, tree: object) -> int | None:
        if self.total is None:
            return None
        try:
            return int(self.total.find(tree))
        except (LookupError, ValueError, TypeError):
            raise Unclear(f"the reply does not say how many there are: {self.total.text} is no number") from None

    def _told(self, item: object) -> tuple[str | None, Mapping[str, Any] | None]:
        values = dict(reading.flat(item)) if isinstance(item, dict) else {}
        try:
            return key_text(values.get(self.key)), values
        except ValueError:
            return None, values


def _tree(reply: Reply) -> object:
    if reply.status != HTTPStatus.OK:
        raise reading.failure(reply, _words(reply))
    return reading.exact(reply)


def _hint(tree: object, reply: Reply) -> str:
    """What an error says that came with 200, or where lists are."""
    places = ", ".join(list(lists(tree))[:5])
    words = _words(reply)
    return f"; there are lists at {places}" if places else f"; it says: {words}" if words else ""


def _words(reply: Reply) -> str:
    """What APIs commonly say of an error: beside it, or in an object or list of its own."""
    answer: Any = reading.tree(reply) or {}
    errors = answer.get("errors")
    for holder in (answer, answer.get("error"), *(errors if isinstance(errors, list) else [])):
        said = [holder.get(name) for name in SAYING] if isinstance(holder, dict) else [holder]
        for words in said:
            if isinstance(words, str) and words.strip():
                return reading.quoted(words)
    return reading.text(reply)
