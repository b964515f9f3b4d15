"""`[service]` of `sync.toml`: the background service, and who may use it over HTTP."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from sync.settings.base import Table
from sync.settings.values import AddressText, Duration

SHORTEST_TOKEN = 16
SHORTEST_PASSWORD = 8


class ServiceTable(Table):
    """`[service]`."""

    listen: AddressText = Field(default="127.0.0.1:8910", validate_default=True)
    jitter: Duration = Field(default="5s", validate_default=True, description="by which a run may start later")
    token: SecretStr | None = Field(default=None, min_length=SHORTEST_TOKEN, description="for programs, and to log in with")
    username: str | None = Field(default=None, min_length=1, pattern="^[^:]*$", description="to log in with")
    password: SecretStr | None = Field(default=None, min_length=SHORTEST_PASSWORD)
    open: tuple[Literal["healthz", "readyz", "metrics"], ...] = Field(
        default=("healthz", "readyz"), description="what needs no credentials"
    )
    hosts: tuple[str, ...] = Field(default=(), description="names by which browsers reach it, beside this machine's own")
    tls: bool = Field(default=False, description="browsers reach it by https, through a proxy")
    mask: bool = Field(default=False, description="of customers' values the dashboard shows the form alone")

    @model_validator(mode="after")
    def _whole_credentials(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(secret.get_secret_value() for secret in (self.token, self.password) if secret)
