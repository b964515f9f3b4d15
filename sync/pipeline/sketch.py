"""A stream of values of any length -> those that may occur often, in bounded memory (Misra and Gries). Pure."""

from decimal import Context, Decimal

from xxhash import xxh3_128_intdigest

from sync.model import Leaf, Secret

CAPACITY = 1024
"""Values that are counted at a time."""
EVERY_DIGIT = Context(prec=1000)


class Sketch:
    """Whatever is not among the `counts` has come at most `missed` times; what is there, at least as often as it says."""

    __slots__ = ("counts", "missed", "seen")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.missed = 0
        self.seen = 0

    def add(self, key: int) -> None:
        """One value more. Where there is no room, all counts go down by one, which each of them has paid for."""
        self.seen += 1
        if key in self.counts:
            self.counts[key] += 1
        elif len(self.counts) < CAPACITY:
            self.counts[key] = 1
        else:
            self.counts = {known: count - 1 for known, count in self.counts.items() if count > 1}
            self.missed += 1

    def above(self, most: float) -> set[int] | None:
        """The values that may have come more often than that; None where it may be any."""
        if self.missed > most:
            return None
        return {key for key, count in self.counts.items() if count + self.missed > most}


def key_of(leaf: Leaf) -> int:
    """The same for leaves that mean the same, and for no others: 1.50 is 1.5, but 1 is not true and "1" is not 1."""
    return xxh3_128_intdigest(_written(leaf))


def _written(leaf: Leaf) -> bytes:
    match leaf:
        case str():
            return b"s" + leaf.encode("utf-8", "surrogatepass")
        case None | bool():
            return repr(leaf).encode()
        case int() | Decimal():
            return b"n" + str(abs(number) if (number := Decimal(leaf).normalize(EVERY_DIGIT)) == 0 else number).encode()
        case Secret(fingerprint):
            return b"*" + fingerprint.encode()
        case list() | tuple():
            items = [_written(item) for item in leaf]
            return b"l" + b"".join(b"%d:%b" % (len(item), item) for item in items)
    return b"o" + repr(leaf).encode()
