"""Requests as they come and go -> what was asked, answered and applied, in order and within bounds."""

import re
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Final

from sync.sandbox.talk import Answer, Asked, Call

KEEP: Final = 200_000
LARGEST_BODY: Final = 65_536
SECRET: Final = re.compile(
    r'("(?:[Pp]assword|client_secret|auth_string|refresh_token|access_token|Key)"\s*:\s*)"(?:[^"\\]|\\.)*"'
)


def masked(text: str) -> str:
    """A JSON text with the values of its secrets as ***, and otherwise the same to the byte."""
    return SECRET.sub(r'\1"***"', text)


@dataclass(slots=True)
class Entry:
    """One request: `customer` as addressed, `key` as the vendor knows it; times are monotonic seconds.

    `status` is None while in flight and 0 if the connection was cut. `turn` counts the writes in the order in which they
    took effect, `wrote` holds their values. `overlapped`: another request of the same customer was in flight on arrival.
    `gone`: the client had hung up before the answer was there.
    """

    sequence: int
    vendor: str
    endpoint: str
    method: str
    path: str
    customer: str
    key: str
    body: str
    received: float
    finished: float | None = None
    status: int | None = None
    error: bool = False
    applied: bool = False
    turn: int | None = None
    wrote: dict[str, Any] = field(default_factory=dict)
    fault: str | None = None
    overlapped: bool = False
    gone: bool = False

    def tree(self) -> dict[str, Any]:
        """The entry as JSON, without a secret."""
        return asdict(self)


class History:
    """The last so many entries, the oldest first, and what is counted of all of them."""

    def __init__(self, keep: int = KEEP) -> None:
        self.entries: deque[Entry] = deque(maxlen=keep)
        self.counts: Counter[tuple[str, str]] = Counter()
        self._sequence = self._turn = 0
        self._in_flight: Counter[tuple[str, str]] = Counter()

    def open(self, vendor: str, asked: Asked, call: Call, path: str, received: float) -> Entry:
        """Notes that a request has arrived."""
        self._sequence += 1
        body = masked(asked.body[:LARGEST_BODY].decode("utf-8", "replace"))
        whose = call.key or call.customer
        entry = Entry(self._sequence, vendor, call.endpoint, asked.method, path, call.customer, call.key, body, received)
        entry.overlapped = bool(whose) and self._in_flight[vendor, whose] > 0
        self._in_flight[vendor, whose] += 1
        self.entries.append(entry)
        self.counts[vendor, "requests"] += 1
        return entry

    def apply(self, entry: Entry, wrote: dict[str, Any]) -> None:
        """Notes that its values took effect just now."""
        self._turn += 1
        entry.applied, entry.turn, entry.wrote = True, self._turn, wrote
        self.counts[entry.vendor, "applied"] += 1

    def close(self, entry: Entry, answer: Answer, *, gone: bool) -> None:
        """Notes how it was answered."""
        entry.finished, entry.status, entry.error, entry.gone = time.monotonic(), answer.status, answer.error, gone
        whose = (entry.vendor, entry.key or entry.customer)
        self._in_flight[whose] -= 1
        if not self._in_flight[whose]:
            del self._in_flight[whose]
        if answer.error:
            self.counts[entry.vendor, "errors"] += 1

    def last(self, count: int) -> list[Entry]:
        """So many entries, the newest first."""
        return list(islice(reversed(self.entries), count))

    def clear(self) -> None:
        """Forgets everything but what is in flight, and goes on counting from 1."""
        self.entries.clear()
        self.counts.clear()
        self._sequence = self._turn = 0
