"""A good answer and a kind of garbage -> an answer that nobody should believe. Pure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import orjson

from sync.sandbox.faults import Fault
from sync.sandbox.talk import Answer

HTML: Final = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
JSON: Final = {"Content-Type": "application/json; charset=utf-8"}


def garbage(good: Answer, fault: Fault) -> Answer:
    """The answer in its status, with a body of the fault's kind."""
    return replace(GARBAGE[fault.kind](good, fault), error=True)


def elsewhere(good: Answer, id_at: tuple[str, ...]) -> Answer:
    """The answer, speaking of another customer."""
    try:
        tree = orjson.loads(good.body)
        inner: Any = tree
        for name in id_at[:-1]:
            inner = inner[name]
        inner[id_at[-1]] = _other(inner[id_at[-1]])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return good
    return replace(good, body=orjson.dumps(tree))


def _other(id: object) -> object:
    return id + 1 if isinstance(id, int) else f"{id}9"


GARBAGE: Final[dict[str, Callable[[Answer, Fault], Answer]]] = {
    "html": lambda good, _: replace(good, body=HTML, headers={"Content-Type": "text/html; charset=utf-8"}),
    "utf8": lambda good, _: replace(good, body=b'{"customer":"\xff\xfe\xc3("}', headers=JSON),
    "empty": lambda good, _: replace(good, body=b"", headers=JSON),
    "huge": lambda good, fault: replace(good, body=b"[" * fault.size, headers=JSON),
    "truncated": lambda good, _: replace(good, body=_some(good)[: len(_some(good)) // 2], headers=JSON),
    "cut": lambda good, _: replace(good, body=_some(good), headers=JSON, cut=len(_some(good)) // 2),
    "list": lambda good, _: replace(good, body=b"[]", headers=JSON),
    "object": lambda good, _: replace(good, body=b"{}", headers=JSON),
}


def _some(good: Answer) -> bytes:
    return good.body or b'{"customer": {"id": 1}}'
