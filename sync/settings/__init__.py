"""A folder of TOML -> frozen settings, or every mistake in it with file and key."""

from sync.settings.load import Settings, TargetSettings, load
from sync.settings.tables import SourceTable, SyncTable, TargetTable

__all__ = ["Settings", "SourceTable", "SyncTable", "TargetSettings", "TargetTable", "load"]
