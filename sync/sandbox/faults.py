"""What shall go wrong, and a call -> the fault that it meets, if any."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from random import Random
from typing import Any, Final

import orjson

from sync.sandbox.talk import Call

VENDORS: Final = ("sellercloud", "rpm", "webcommander", "sparklayer")
FAULTS: Final = {
    "status": "answers with `status`, `headers` and `body`; nothing is applied",
    "drop_before": "cuts the connection; nothing is applied",
    "drop_after": "applies, then cuts the connection without an answer",
    "error_after": "applies, then answers with the vendor's own error 500",
    "hang": "waits `seconds`, whether or not the client is still there, then applies and answers",
    "slow": "applies, then answers after `seconds`",
    "garbage": "applies (unless `apply` is false), then answers with nonsense of a `kind`",
    "expire_tokens": "forgets all tokens (with `refresh` the refresh tokens too), then goes on, which ends in a 401",
    "rate_limit": "the vendor's own rate-limit answer, `seconds` until it ends; with `hold` until then for everybody",
    "daily_limit": "RPM's daily limit (another vendor's rate limit), until `seconds` have passed",
    "conflict": "SparkLayer's 409 for a concurrent update (another vendor's: a plain 409)",
    "redirect": "answers with `status` (302) and `location`; nothing is applied",
    "wrong_id": "applies, then the answer speaks of another customer",
}
KINDS: Final = ("html", "utf8", "empty", "huge", "truncated", "cut", "list", "object")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong: for calls that match, the first `after` of them spared, `times` times (None: for ever).

    `match` may name `customer` (as addressed or as known), `endpoint` (token, update, read, list, create, other, or *) and
    `method`. Without an endpoint it means any but token.
    """

    fault: str
    vendor: str | None = None
    times: int | None = 1
    after: int = 0
    probability: float = 1.0
    match: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 1.0
    kind: str = "html"
    size: int = 50_000_000
    apply: bool = True
    hold: bool = False
    refresh: bool = False
    location: str = "/_sandbox/elsewhere"

    def meets(self, vendor: str, method: str, call: Call) -> bool:
        """Whether the fault means this call at all."""
        if self.vendor not in {None, vendor}:
            return False
        endpoint, customer = self.match.get("endpoint"), self.match.get("customer")
        if endpoint != "*" and (call.endpoint == "token" if endpoint is None else call.endpoint != endpoint):
            return False
        if customer is not None and customer not in {call.customer, call.key}:
            return False
        return self.match.get("method", method).upper() == method


def fault(tree: Mapping[str, Any]) -> Fault:
    """A fault from its JSON; raises ValueError with what is wrong."""
    known = {item.name: item for item in fields(Fault)}
    if unknown := set(tree) - set(known):
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    if tree.get("fault") not in FAULTS:
        raise ValueError(f"fault must be one of {', '.join(FAULTS)}")
    made = Fault(**{name: _plain(name, value) for name, value in tree.items()})
    if wrong := [name for name, fits in _fits(made).items() if not fits]:
        raise ValueError(f"a fault cannot have this {', '.join(wrong)}")
    return made


def _plain(name: str, value: Any) -> Any:
    """A body may be given as JSON, a customer's id as a number."""
    if name in {"match", "headers"} and isinstance(value, dict):
        return {key: str(item) for key, item in value.items()}
    return value if name != "body" or isinstance(value, str) else orjson.dumps(value).decode()


def _fits(made: Fault) -> dict[str, bool]:
    numbers = {name: value for name, value in asdict(made).items() if name in {"after", "size"}}
    return {
        "vendor": made.vendor is None or made.vendor in VENDORS,
        "times": made.times is None or _whole(made.times, 1),
        "probability": isinstance(made.probability, (int, float)) and 0 <= made.probability <= 1,
        "match": isinstance(made.match, dict) and set(made.match) <= {"customer", "endpoint", "method"},
        "status": made.status is None or (_whole(made.status, 200) and made.status <= 599),  # noqa: PLR2004 - HTTP
        "headers": isinstance(made.headers, dict),
        "body": isinstance(made.body, str),
        "seconds": isinstance(made.seconds, (int, float)) and made.seconds >= 0,
        "kind": made.kind in KINDS,
        "location": isinstance(made.location, str),
        **{name: _whole(value, 0) for name, value in numbers.items()},
    }


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


@dataclass(slots=True)
class Active:
    """A fault that waits for its calls: how many it has met, how often it was played."""

    fault: Fault
    met: int = 0
    played: int = 0

    def tree(self) -> dict[str, Any]:
        """The fault as JSON."""
        return {**asdict(self.fault), "met": self.met, "played": self.played}


class Faults:
    """The faults that are set; of those that mean a call, the first whose turn it is is played."""

    def __init__(self, seed: int = 0) -> None:
        self.active: list[Active] = []
        self._seed, self._random = seed, Random(seed)  # noqa: S311 - repeatable, not secret

    def add(self, fault: Fault) -> None:
        """Sets one more."""
        self.active.append(Active(fault))

    def seed(self, seed: int) -> None:
        """Starts the dice anew."""
        self._seed = seed
        self._random.seed(seed)

    def pick(self, vendor: str, method: str, call: Call) -> Fault | None:
        """The fault that this call meets; a fault that has been played `times` times is taken away."""
        for active in self.active:
            if not active.fault.meets(vendor, method, call):
                continue
            active.met += 1
            if active.met <= active.fault.after or self._random.random() >= active.fault.probability:
                continue
            active.played += 1
            if active.played == active.fault.times:
                self.active.remove(active)
            return active.fault
        return None

    def clear(self) -> None:
        """Takes all of them away, and starts the dice anew."""
        self.active.clear()
        self._random.seed(self._seed)
