"""JSON's values: decimals exact, NaN refused; and the columns that a file's objects have, with their types."""

import json
from decimal import Decimal
from typing import Any

NAMES = {str: "text", int: "integer", Decimal: "decimal", bool: "boolean", dict: "object", list: "list"}


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)


class Kinds(dict[str, str]):
    """Column -> the types seen in it, such as "text or integer"; grows with every object that is seen."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[str, type]] = set()

    def see(self, item: dict[str, Any]) -> None:
        """Takes note of an object's members."""
        for name, value in item.items():
            kind = type(value)
            if (name, kind) not in self._seen:
                self._seen.add((name, kind))
                known = [self[name]] if self.get(name) else []
                self[name] = " or ".join(known + ([NAMES[kind]] if kind in NAMES else []))
