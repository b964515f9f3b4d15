"""`[sources]` -> each by the model of its kind, or every mistake in it."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from sync.pipeline.rules import nearest
from sync.settings.page import Page
from sync.settings.sources import KINDS, SourceTable


def read_sources(tables: Mapping[str, Any], page: Page) -> dict[str, SourceTable]:
    """All sources that are valid; what is no table is told with the rest of the file."""
    found = {name: _source(f"sources.{name}", table, page) for name, table in tables.items() if isinstance(table, dict)}
    return {name: source for name, source in found.items() if source}


def _source(key: str, table: Mapping[str, Any], page: Page) -> SourceTable | None:
    kind = table.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        return page.valid(KINDS[kind], table, key)
    hint = nearest(str(kind), KINDS) or "; there are " + ", ".join(KINDS)
    page.wrong(f"{key}.kind", "is missing" if kind is None else f"there is no such kind{hint}")
    for meant in get_close_matches(str(kind), KINDS, 1):  # so that its other mistakes are told at once
        page.valid(KINDS[meant], {**table, "kind": meant}, key)
    return None
