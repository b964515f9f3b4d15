"""A target's file and its vendor -> a digest; another one means: every customer has to be looked at again."""

import hashlib
import inspect
from collections.abc import Mapping
from typing import Any

import orjson

from sync.pipeline.rules import load
from sync.ports import Vendor

MAPPED = ("source", "account", "id", "match", "without_id", "where", "fields", "maps")
GONE = ("missing_in_source", "deactivate")


def fingerprint(tree: Mapping[str, Any], vendor: Vendor) -> str:
    """Of all that decides what the target is told; not of schedules, gates and tests."""
    names = MAPPED if tree.get("missing_in_source", "ignore") == "ignore" else MAPPED + GONE
    kept = {name: tree.get(name) for name in names}
    parts = [kept, vendor.name, vendor.place, vendor.Customer.model_json_schema(), sorted(called(tree.get("fields", {})))]
    return hashlib.blake2b(orjson.dumps(parts, default=str, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def called(tree: Mapping[str, Any]) -> list[str]:
    """The source text of every module whose function a map calls: another text is another map."""
    found = []
    for value in tree.values():
        if isinstance(value, dict):
            found += called(value)
            if isinstance(value.get("call"), str):
                found.append(_source_of(value["call"]))
    return found


def _source_of(place: str) -> str:
    try:
        return inspect.getsource(inspect.getmodule(load(place)) or load(place))
    except (LookupError, OSError, TypeError):
        return ""
