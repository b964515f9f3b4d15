"""Figures -> the rectangles of a small chart. Pure; the templates draw them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from sync.model import Run

BARS: Final = 24
WIDTH: Final = 10
GAP: Final = 2
HEIGHT: Final = 24
LEAST: Final = 3
"""What is there is seen, however little it is."""
WELL: Final = ("delivered", "unchanged")
TURNS: Final = ("rejected", "held", "unknown", "deferred")


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of one kind."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Bars from the oldest run to the newest, and the same in words."""

    bars: tuple[Bar, ...]
    width: int
    height: int
    label: str


def sparkline(target: str, runs: Sequence[Run]) -> Sparkline:
    """The last runs of a target, given newest first. Heights grow with the root, so that small runs are seen."""
    counts = [told for run in runs if (told := run.report.get("targets", {}).get(target))][:BARS][::-1]
    most = max((sum(told.values()) for told in counts), default=0)
    bars = [bar for place, told in enumerate(counts, BARS - len(counts)) for bar in _column(place, told, most)]
    return Sparkline(tuple(bars), BARS * (WIDTH + GAP), HEIGHT, _label(counts))


def _column(place: int, told: Mapping[str, int], most: int) -> list[Bar]:
    """What went wrong stands at the bottom, where it is seen."""
    well, wrong, x = sum(told.get(name, 0) for name in WELL), _wrong(told), place * (WIDTH + GAP)
    whole = max(HEIGHT * sqrt((well + wrong) / most), 2 * LEAST) if well + wrong else 0.0
    low = max(whole * wrong / (well + wrong), LEAST) if wrong else 0.0
    high = max(whole - low, LEAST) if well else 0.0
    bars = [("rejected", HEIGHT - low, low), ("update", HEIGHT - low - high, high)]
    return [Bar(kind, x, round(y, 1), WIDTH, round(height, 1)) for kind, y, height in bars if height]


def _wrong(told: Mapping[str, int]) -> int:
    return sum(told.get(name, 0) for name in TURNS)


def _label(counts: Sequence[Mapping[str, int]]) -> str:
    if not counts:
        return "no runs yet"
    delivered, wrong = sum(told.get("delivered", 0) for told in counts), sum(map(_wrong, counts))
    return f"the last {len(counts)} runs: {delivered:,} delivered, {wrong:,} not"


@dataclass(frozen=True, slots=True)
class Share:
    """One field of a bar chart: how often it changed, and how wide that is of 1000."""

    field: str
    count: int
    width: float


def shares(counts: Mapping[str, int]) -> list[Share]:
    """The most frequent first."""
    most = max(counts.values(), default=0)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Share(field, count, round(max(1000 * count / most, LEAST * 2), 1)) for field, count in ordered]
