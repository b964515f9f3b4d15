"""Is the vendor unwell? Counts failures in a row, and lets a single update find out whether it is well again.

A failure counts for the vendor only when several customers meet it: one customer that always fails says nothing of the vendor.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Opens after `failures` in a row among at least `customers`; probes every `cooldown` seconds, at most `probes` times."""

    failures: int = 5
    customers: int = 3
    cooldown: float = 5.0
    probes: int = 3


class Breaker:
    """Closed while the vendor is well. Times are monotonic seconds, given by the caller."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._customers: set[str] = set()
        self._open_until: float | None = None
        self._probe: str | None = None
        self._probes = 0

    @property
    def closed(self) -> bool:
        """Whether everybody may send."""
        return self._open_until is None

    @property
    def spent(self) -> bool:
        """Whether it has probed in vain as often as the policy says."""
        return self._probes >= self._policy.probes

    def wait(self, now: float) -> float:
        """Seconds until somebody may probe; 0.0 where that is now, or where it is closed."""
        return 0.0 if self._open_until is None else max(self._open_until - now, 0.0)

    def admits(self, customer: str) -> bool:
        """Whether this customer's update may be sent: all while closed, later the one that probes."""
        if self.closed:
            return True
        if self._probe is None:
            self._probe = customer
        return self._probe == customer

    def succeeded(self) -> None:
        """The vendor answered as one that is well."""
        self._failures, self._probes = 0, 0
        self._customers.clear()
        self._open_until = self._probe = None

    def failed(self, customer: str, now: float) -> None:
        """The vendor did not."""
        self._failures += 1
        self._customers.add(customer)
        if self._probe == customer:
            self._probes += 1
        elif not self.closed or self._failures < self._policy.failures or len(self._customers) < self._policy.customers:
            return
        self._open_until = now + self._policy.cooldown
        self._probe = None

    def encourage(self) -> None:
        """It may probe as often again."""
        self._probes = 0

    def left(self, customer: str) -> None:
        """The update that probed ended without an answer either way; another may probe."""
        if self._probe == customer:
            self._probe = None
