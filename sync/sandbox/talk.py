"""A request as it arrived -> the vendor's answer: the words between the port and the four vendors."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol

import orjson

from sync.sandbox.shelf import Shelf

Tree = dict[str, Any]
BAD: Final = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: `parts` is the path below the vendor's prefix, split at its slashes and then percent-decoded."""

    method: str
    parts: tuple[str, ...]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    def tree(self) -> Tree | None:
        """The body as a JSON object; None if it is anything else, or is not declared as JSON."""
        if "json" not in self.headers.get("Content-Type", ""):
            return None
        try:
            tree = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return tree if isinstance(tree, dict) else None

    def bearer(self) -> str:
        """The token of `Authorization: Bearer ...`, empty without one."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back. `wrote` holds the values that were applied; `cut` breaks the connection after so many body bytes."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    wrote: Mapping[str, Any] | None = None
    error: bool = False
    cut: int | None = None


CUT = Answer(status=0, cut=0, error=True)
"""No answer at all: the connection is broken."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a request wants, known before anything is done: `customer` as addressed, `key` as the vendor knows it."""

    endpoint: str
    act: Callable[[], Answer]
    customer: str = ""
    key: str = ""


class Simulated(Protocol):
    """One vendor: it routes a request to a call, and has its own words for what goes wrong."""

    name: ClassVar[str]
    prefix: ClassVar[str]
    id_at: ClassVar[tuple[str, ...]]
    """Where a reply says which customer it speaks of."""
    shelf: Shelf

    @abstractmethod
    def call(self, asked: Asked) -> Call:
        """What the request wants; nothing is changed before `Call.act`."""

    @abstractmethod
    def limited(self, seconds: float) -> Answer:
        """The answer to one request too many; the limit ends in `seconds`."""

    @abstractmethod
    def conflict(self) -> Answer:
        """The answer while somebody else writes the same customer."""

    @abstractmethod
    def expire(self, *, refresh: bool) -> None:
        """No token is good any more, and with `refresh` no refresh token either."""

    @abstractmethod
    def broken(self) -> Answer:
        """The vendor's own internal error."""

    @abstractmethod
    def seed(self, id: str, values: Mapping[str, Any]) -> None:
        """Puts a customer on the shelf as if it had always been there, in the names of the update schema."""


def answer(
    status: int,
    tree: object,
    *,
    headers: Mapping[str, str] | None = None,
    reason: str | None = None,
    wrote: Tree | None = None,
    error: bool = False,
) -> Answer:
    """An answer in JSON; from status 400 on it is an error anyway."""
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(status, orjson.dumps(tree), {**kind, **(headers or {})}, reason, wrote, error or status >= BAD)
