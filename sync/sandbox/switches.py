"""Names and values -> how the vendors behave where their pages do not say: one switch for each assumption."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from sync.sandbox.limits import rate

Read = Callable[[str], Any]
"""Reads a switch of one vendor by its short name."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One behaviour: `values` are the allowed ones, or what kind of value it takes (seconds, count, flag, names, rate)."""

    name: str
    default: Any
    values: tuple[Any, ...] | str
    about: str

    def complaint(self, value: object) -> str:
        """Why the value is not allowed, empty if it is."""
        if isinstance(self.values, tuple):
            allowed = any(value == choice and type(value) is type(choice) for choice in self.values)
            return "" if allowed else f"must be one of {', '.join(map(str, self.values))}"
        return KINDS[self.values](value)


def _seconds(value: object) -> str:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    return "" if fits else "must be a number of seconds"


def _count(value: object) -> str:
    return "" if isinstance(value, int) and not isinstance(value, bool) and value > 0 else "must be a whole number above 0"


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _names(value: object) -> str:
    fits = value is None or (isinstance(value, (list, tuple)) and all(isinstance(item, (str, int)) for item in value))
    return "" if fits else "must be null or a list of names"


def _rate(value: object) -> str:
    try:
        if value is not None:
            rate(str(value))
    except ValueError as error:
        return f"must be null, or {str(error).removeprefix('must ')}"
    return ""


KINDS: Final[dict[str, Callable[[object], str]]] = {
    "seconds": _seconds,
    "count": _count,
    "flag": _flag,
    "names": _names,
    "rate": _rate,
}


class Switches(Mapping[str, Any]):
    """All switches with their values now; a name or value that is not in the table is refused, and then nothing changes."""

    def __init__(self, table: Sequence[Switch], values: Mapping[str, Any] | None = None) -> None:
        self.table: Final = {switch.name: switch for switch in table}
        self._values = {switch.name: switch.default for switch in table}
        self.set(values or {})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def of(self, vendor: str) -> Read:
        """Reads this vendor's switches by their short names."""
        return lambda name: self._values[f"{vendor}.{name}"]

    def set(self, values: Mapping[str, Any]) -> None:
        """Changes some switches; raises ValueError with every mistake, one a line."""
        mistakes = [f"{name}: {why}" for name, value in values.items() if (why := self._complaint(name, value))]
        if mistakes:
            raise ValueError("\n".join(mistakes))
        self._values.update(values)

    def reset(self) -> None:
        """Every switch back to its default."""
        self._values = {name: switch.default for name, switch in self.table.items()}

    def _complaint(self, name: str, value: object) -> str:
        if name in self.table:
            return self.table[name].complaint(value)
        near = get_close_matches(name, self.table, n=1)
        return "is no switch" + (f"; did you mean {near[0]}?" if near else "")
