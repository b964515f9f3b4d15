"""A folder of TOML -> frozen settings, or every mistake in it with file and key."""

from sync.settings.load import load
from sync.settings.settings import Settings, TargetSettings
from sync.settings.sources import FileTable, HttpTable, SourceTable, SqlTable
from sync.settings.tables import SyncTable, TargetTable
from sync.settings.values import Address, address

__all__ = [
    "Address",
    "FileTable",
    "HttpTable",
    "Settings",
    "SourceTable",
    "SqlTable",
    "SyncTable",
    "TargetSettings",
    "TargetTable",
    "address",
    "load",
]
