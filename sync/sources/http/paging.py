"""How an API's list is asked for page by page: where a page is, and from its reply, where the next one is. Pure."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode, urljoin, urlsplit

from sync.errors import Unclear
from sync.model import Reply
from sync.sources.http.paths import Path

LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:"[^"]*"|[^\s;,]+))?)*)')
RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))', re.IGNORECASE)
TOGETHER = 1
"""By so many customers do pages overlap that are asked for by offset."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One page as it came: from where, its reply and tree, how many customers it has, and how many there are in all."""

    at: Any
    url: str
    reply: Reply
    tree: object
    count: int
    total: int | None


class Paging(Protocol):
    """One way to go through a list."""

    steady: bool = False
    """Whether nobody slips from one page to another while the list is read."""

    @abstractmethod
    def url(self, url: str, at: Any) -> str:
        """The address of the page `at` (None: the first) of the list at `url`."""

    @abstractmethod
    def after(self, turn: Turn) -> tuple[object, object]:
        """Where to read on (None: that was all), and where from if this page does not overlap with what was read.

        Raises Unclear where the reply does not say.
        """


@dataclass(frozen=True, slots=True)
class Whole(Paging):
    """Everybody at once."""

    steady = True

    def url(self, url: str, at: Any) -> str:  # noqa: ARG002 - there is one page
        return url

    def after(self, turn: Turn) -> tuple[object, object]:  # noqa: ARG002 - as above
        return None, None


@dataclass(frozen=True, slots=True)
class Numbered(Paging):
    """By page number, until the total is reached, or a page is empty: how full a page is says nothing, its size may be capped."""

    parameter: str
    first: int = 1
    size: tuple[str, int] | None = None

    def url(self, url: str, at: Any) -> str:
        number, _ = at or (self.first, 0)
        return extended(url, {self.parameter: number} | dict([self.size] if self.size else []))

    def after(self, turn: Turn) -> tuple[object, object]:
        number, taken = turn.at or (self.first, 0)
        taken += turn.count
        done = turn.count == 0 or (turn.total is not None and taken >= turn.total)
        return (None if done else (number + 1, taken)), None


@dataclass(frozen=True, slots=True)
class Offset(Paging):
    """By offset: each page begins with the last customer of the one before, so that a gap between them is seen."""

    parameter: str
    size: tuple[str, int] | None = None
    steady = True

    def url(self, url: str, at: Any) -> str:
        offset, _ = at or (0, 0)
        return extended(url, {self.parameter: offset} | dict([self.size] if self.size else []))

    def after(self, turn: Turn) -> tuple[object, object]:
        offset, step = turn.at or (0, turn.count)
        end = offset + turn.count
        done = end >= turn.total if turn.total is not None else turn.count <= TOGETHER
        again = (max(offset - max(step, 1), 0), step) if offset else None
        return (None if done or turn.count <= TOGETHER else (end - TOGETHER, turn.count)), again


@dataclass(frozen=True, slots=True)
class Cursor(Paging):
    """By a cursor that each reply names for the next page; it keeps the API's own place in the list."""

    parameter: str
    next: Path
    size: tuple[str, int] | None = None
    steady = True

    def url(self, url: str, at: Any) -> str:
        sized = dict([self.size] if self.size else [])
        return extended(url, sized if at is None else {self.parameter: at} | sized)

    def after(self, turn: Turn) -> tuple[object, object]:
        found = _look(self.next, turn)
        if not isinstance(found, str | int) or isinstance(found, bool):
            raise Unclear(f"{self.next.text} is neither text nor a number")
        return _moved(found or None, turn), None


@dataclass(frozen=True, slots=True)
class NextUrl(Paging):
    """By the address of the next page, as each reply names it."""

    next: Path
    steady: bool = False

    def url(self, url: str, at: Any) -> str:
        return url if at is None else str(at)

    def after(self, turn: Turn) -> tuple[object, object]:
        found = _look(self.next, turn)
        if not isinstance(found, str):
            raise Unclear(f"{self.next.text} is not an address")
        return _moved(_same_place(found, turn.url) if found else None, turn), None


@dataclass(frozen=True, slots=True)
class Link(Paging):
    """By the address in the header `Link` with `rel="next"` (RFC 8288)."""

    steady: bool = False

    def url(self, url: str, at: Any) -> str:
        return url if at is None else str(at)

    def after(self, turn: Turn) -> tuple[object, object]:
        for address, about in LINK.findall(turn.reply.headers.get("link", "")):
            relations = RELATION.search(about)
            if relations and "next" in (relations[1] or relations[2]).lower().split():
                return _moved(_same_place(address, turn.url), turn), None
        return None, None


def extended(url: str, parameters: dict[str, Any]) -> str:
    """The address with more parameters behind those it has."""
    if not parameters:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"


def origin(url: str) -> tuple[str, str]:
    """Whom an address leads to."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, f"{parts.hostname}:{port}"


def _look(path: Path, turn: Turn) -> Any:
    """Empty text where there is no next page."""
    try:
        return path.look(turn.tree) or ""
    except LookupError as error:
        raise Unclear(f"where the next page is cannot be told: {error}") from None


def _moved(found: str | int | None, turn: Turn) -> str | int | None:
    if found is not None and found == turn.at:
        raise Unclear("the next page is said to be this one")
    return found


def _same_place(address: str, url: str) -> str:
    """The address in full; one elsewhere would get the credentials, too."""
    full = urljoin(url, address)
    try:
        same = origin(full) == origin(url)
    except ValueError:
        same = False
    if not same:
        raise Unclear("the next page is said to be at another address, to which no credentials are sent")
    return full
