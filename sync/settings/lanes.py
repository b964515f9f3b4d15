"""How whoever is asked or told something over HTTP is driven: pace, patience, retries. Accounts and APIs alike."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from sync.pipeline.breaker import BreakerPolicy
from sync.pipeline.lane import LanePolicy
from sync.pipeline.pace import PacePolicy
from sync.pipeline.retry import RetryPolicy
from sync.settings.base import Table
from sync.settings.values import Duration, RateText, Whole, several


class RetryTable(Table):
    """`[accounts.NAME.retry]`: how often and how long the same request is repeated."""

    attempts: Whole = Field(default=5, ge=1)
    total: Duration = Field(default="2m", validate_default=True)
    backoff: Duration = Field(default="500ms", validate_default=True)
    longest: Duration = Field(default="30s", validate_default=True)


class BreakerTable(Table):
    """`[accounts.NAME.breaker]`: when a vendor counts as unwell, and how it is probed."""

    failures: Whole = Field(default=5, ge=1)
    cooldown: Duration = Field(default="5s", validate_default=True)
    probes: Whole = Field(default=3, ge=1)


class LaneTable(Table):
    """The keys that say how fast, how long and how often."""

    rate: RateText | None = None
    quota: Annotated[tuple[RateText, ...], BeforeValidator(several)] = ()
    concurrency: Whole = Field(default=4, ge=1, le=256)
    timeout: Duration = Field(default="30s", gt=timedelta(0), validate_default=True)
    patience: Duration = Field(default="60s", validate_default=True)
    retry: RetryTable = RetryTable()
    breaker: BreakerTable = BreakerTable()

    @property
    def policy(self) -> LanePolicy:
        """The same in seconds."""
        retry, breaker, patience = self.retry, self.breaker, self.patience.total_seconds()
        total, backoff, longest = (span.total_seconds() for span in (retry.total, retry.backoff, retry.longest))
        return LanePolicy(
            self.concurrency,
            self.timeout.total_seconds(),
            patience,
            PacePolicy(self.rate, self.quota, patience),
            RetryPolicy(retry.attempts, total, backoff, longest),
            BreakerPolicy(failures=breaker.failures, cooldown=breaker.cooldown.total_seconds(), probes=breaker.probes),
        )
