"""A path such as `data.customers` or `edges[*].node`, and a tree of JSON -> what stands there. Pure.

The part of JSONPath that leads to one place: names, positions, `[*]` for every one of a list, `["a.b"]` for a name with dots.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

STEP = re.compile(r"""\.?(?P<name>[^.\[\]"'*\s]+)|\[(?P<place>\d+)\]|\[(?P<every>\*)\]|\[(["'])(?P<quoted>.+?)\4\]""")
LONGEST_HINT = 5
"""So many places are named where a list might be meant."""


@dataclass(frozen=True, slots=True)
class Path:
    """The way down a tree: names and positions, None for every one of a list; no step at all stays where it is."""

    text: str
    steps: tuple[str | int | None, ...]

    def find(self, tree: object) -> Any:
        """What stands there. Raises LookupError, without values, where it leads nowhere."""
        for number, step in enumerate(self.steps):
            match tree, step:
                case dict(), str() if step in tree:
                    tree = tree[step]
                case list(), int() if step < len(tree):
                    tree = tree[step]
                case list(), None:
                    rest = replace(self, steps=self.steps[number + 1 :])
                    return [rest.find(item) for item in tree]
                case _:
                    raise LookupError(f"there is no {self.text}")
        return tree

    def look(self, tree: object) -> Any:
        """What stands there, None if only the last name is missing: what has ended may be left out. Raises LookupError."""
        match replace(self, steps=self.steps[:-1]).find(tree), self.steps[-1:]:
            case dict() as holder, (str() as last,):
                return holder.get(last)
        raise LookupError(f"there is no {self.text}")


def parse(text: str) -> Path:
    """A path as it is written; `$` and an empty one stay where they are. Raises ValueError."""
    rest = text.strip().removeprefix("$")
    steps: list[str | int | None] = []
    while rest:
        found = STEP.match(rest)
        if not found:
            raise ValueError(f"is not a path such as data.customers or edges[*].node, from {rest} on")
        steps.append(None if found["every"] else int(found["place"]) if found["place"] else found["name"] or found["quoted"])
        rest = rest[found.end() :]
    return Path(text.strip(), tuple(steps))


def lists(tree: object, prefix: str = "") -> Iterator[str]:
    """The paths of lists of objects in a tree: where somebody who gave a wrong path may have meant."""
    if isinstance(tree, list) and tree and all(isinstance(item, dict) for item in tree):
        yield prefix or "$"
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from lists(value, f"{prefix}.{name}" if prefix else name)
