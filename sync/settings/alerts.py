"""`[alerts]` of `sync.toml`: who is told when something is wrong, and when it is well again."""

from pydantic import Field, SecretStr

from sync.settings.base import Table
from sync.settings.values import Duration, Whole


class AlertsTable(Table):
    """`[alerts]`."""

    urls: tuple[SecretStr, ...] = Field(default=(), description='as apprise reads them: "mailto://...", "slack://..."')
    after: Duration = Field(default="10s", validate_default=True, description="what lasts for less is not told")
    intervals: Whole = Field(default=5, ge=1, description="of a target's schedule without success that are too many")

    @property
    def addresses(self) -> tuple[tuple[str, str], ...]:
        """Each with its key."""
        return tuple((f"alerts.urls[{place}]", url.get_secret_value()) for place, url in enumerate(self.urls))
