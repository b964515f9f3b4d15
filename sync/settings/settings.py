"""A whole configuration: what is known once every file is valid. Frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr

from sync.model import Field
from sync.pipeline.gates import GatePolicy
from sync.pipeline.gone import GonePolicy
from sync.pipeline.lane import LanePolicy
from sync.pipeline.maptest import MapTest
from sync.pipeline.project import Rule
from sync.ports import Vendor
from sync.settings.alerts import AlertsTable
from sync.settings.maptests import map_tests
from sync.settings.service import ServiceTable
from sync.settings.sources import SourceTable
from sync.settings.tables import TargetTable


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account: its vendor's dialect, spoken with its credentials, and how it is driven."""

    name: str
    vendor: Vendor
    policy: LanePolicy
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """One target, with its map compiled."""

    name: str
    file: str
    source: str
    account: str
    table: TargetTable
    rules: tuple[Rule, ...]
    fields: Mapping[str, Field]
    id_source: str
    match: str | None
    gates: GatePolicy
    gone: GonePolicy
    fingerprint: str

    @property
    def tests(self) -> tuple[MapTest, ...]:
        """What the file says that the map should make of some customers."""
        return map_tests(self.table.tests)

    @property
    def has_secrets(self) -> bool:
        """Whether it maps a password of customers."""
        return any(self.fields[rule.field].secret for rule in self.rules if rule.field in self.fields)

    @property
    def mentioned(self) -> list[tuple[str, str]]:
        """Every source field that the file mentions, with the key where it does."""
        found = [("match" if self.match else "id", self.id_source)]
        found += [(f"where.{name}", name) for name in self.table.where or {}]
        return found + [(f"fields.{rule.field}", name) for rule in self.rules for name in rule.sources]


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole configuration."""

    state: SecretStr
    sources: Mapping[str, SourceTable]
    accounts: Mapping[str, AccountSettings]
    targets: Mapping[str, TargetSettings]
    file: str
    plan_max_age: timedelta
    keep: timedelta
    service: ServiceTable
    alerts: AlertsTable
    warnings: tuple[str, ...] = ()
