"""`{ env = "NAME" }` and `{ file = "PATH" }` in a config -> what they stand for."""

from collections.abc import Callable, Mapping
from os import environ
from pathlib import Path
from typing import Any

Complain = Callable[[str, str], None]
"""Takes the key and what is wrong with it."""


def resolve(tree: Any, complain: Complain, key: str = "") -> Any:
    """The tree with every `{ env = "NAME" }` and `{ file = "PATH" }` replaced by what it stands for."""
    if isinstance(tree, list):
        return [resolve(item, complain, f"{key}[{place}]") for place, item in enumerate(tree)]
    if not isinstance(tree, Mapping):
        return tree
    match dict(tree):
        case {"env": str(name), **rest} if not rest:
            return _environment(name, complain, key)
        case {"file": str(name), **rest} if not rest:
            return _file(name, complain, key)
    return {name: resolve(value, complain, f"{key}.{name}" if key else name) for name, value in tree.items()}


def _environment(name: str, complain: Complain, key: str) -> str:
    value = environ.get(name, "")
    if not value:
        complain(key, f"the environment variable {name} is not set")
    return value


def _file(name: str, complain: Complain, key: str) -> str:
    try:
        value = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        complain(key, f"cannot read {name}: {error.strerror if isinstance(error, OSError) else 'not text'}")
        return ""
    if not value:
        complain(key, f"{name} is empty")
    return value
