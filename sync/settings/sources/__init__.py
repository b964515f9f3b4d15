"""`[sources.NAME]`: one file, one kind of source; `kind` chooses the model by which the table is validated."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue

from sync.settings.sources.base import SourceTable
from sync.settings.sources.file import FileTable
from sync.settings.sources.http import HttpTable
from sync.settings.sources.sql import SqlTable

__all__ = ["KINDS", "FileTable", "HttpTable", "OneOfKinds", "SourceTable", "SqlTable"]

KINDS: Mapping[str, type[SourceTable]] = {"file": FileTable, "http": HttpTable, "sql": SqlTable}


class OneOfKinds:
    """Lets an editor know the keys of every kind, where the settings choose the model themselves and tell what is nearest."""

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A JSON Schema with one alternative per kind."""
        kinds: list[type[BaseModel]] = list(KINDS.values())
        return {"type": "object", "additionalProperties": {"oneOf": [handler(kind.__pydantic_core_schema__) for kind in kinds]}}
