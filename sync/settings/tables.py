"""The tables of `sync.toml` and `targets/NAME.toml`, as pydantic models. The example, the schema and the errors rest on them."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from sync.settings.alerts import AlertsTable
from sync.settings.base import Table
from sync.settings.lanes import LaneTable
from sync.settings.maptests import TestTable
from sync.settings.service import ServiceTable
from sync.settings.sources import OneOfKinds
from sync.settings.values import Duration, LimitText, Schedule, Timezone, by_field, several


class StateTable(Table):
    """`[state]`: where the state is kept."""

    url: SecretStr = SecretStr("sqlite:///var/customer-sync.db")
    keep: Duration = Field(default="90d", ge=timedelta(hours=1), validate_default=True, description="runs and history")


class AccountTable(LaneTable):
    """The keys that every `[accounts.NAME]` may hold beside those of its vendor."""

    vendor: str


class PlansTable(Table):
    """`[plans]`: how long a saved plan may be applied."""

    max_age: Duration = Field(default="7d", validate_default=True)


class SyncTable(Table):
    """`sync.toml`."""

    plans: PlansTable = PlansTable()
    state: StateTable = StateTable()
    service: ServiceTable = ServiceTable()
    alerts: AlertsTable = AlertsTable()
    sources: Annotated[dict[str, dict[str, Any]], OneOfKinds]
    accounts: dict[str, dict[str, Any]]


class GatesTable(Table):
    """`[gates]`: what trips one is held, the rest goes. A share is of the customers that the target knows."""

    max_updates: LimitText | None = Field(default=None, description="customers with an update, beside what other gates hold")
    max_cleared: LimitText | None = Field(default=None, description="customers of whom a field becomes empty")
    max_field_changed: Annotated[dict[str, LimitText], BeforeValidator(by_field)] = Field(
        default={}, description="customers of whom this field changes, by field"
    )
    max_same_value: LimitText | None = Field(default=None, description="customers who get one and the same new value of a field")
    max_rejected: LimitText | None = Field(default=None, description="customers that do not fit the map or the vendor's schema")
    max_source_drop: LimitText | None = Field(default=None, description="rows that the source has lost; a share is of its rows")
    min_source_rows: int | None = Field(default=None, ge=0, strict=True, description="rows that the source has at least")


class TargetTable(Table):
    """`targets/NAME.toml`."""

    source: str
    account: str
    id: str | None = None
    match: dict[str, str] | None = None
    without_id: Literal["reject", "skip"] = "reject"
    where: dict[str, Annotated[tuple[Any, ...], BeforeValidator(several)]] | None = None
    missing_in_source: Literal["ignore", "report", "deactivate"] = Field(
        default="ignore", description="what is done about a customer that is gone from the source"
    )
    deactivate: dict[str, Any] = Field(
        default_factory=dict, description="what the vendor is told of a customer that is gone: constants, in its nesting"
    )
    every: Annotated[Duration, Field(ge=timedelta(seconds=1))] | None = None
    schedule: Schedule | None = None
    timezone: Timezone | None = None
    fields: dict[str, Any] = Field(min_length=1)
    maps: dict[str, dict[str, Any]] = Field(default_factory=dict)
    gates: GatesTable = GatesTable()
    tests: tuple[TestTable, ...] = ()

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if (self.id is None) == (self.match is None):
            raise ValueError('one of id = "SOURCE FIELD" and match = { FIELD = "SOURCE FIELD" } is needed')
        if self.match is not None and len(self.match) != 1:
            raise ValueError("match takes one field")
        if self.every is not None and self.schedule is not None:
            raise ValueError("every and schedule exclude each other")
        return self
