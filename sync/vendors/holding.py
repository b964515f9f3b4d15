"""What was sent, and what a reply shows of the customer -> what the vendor does not hold as sent. Pure.

A reply to an update is taken at its word, but for what it shows otherwise. A customer that is read back, because the reply was
no word at all, has to show everything that was sent: what was "held" by mistake would never be sent again.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from sync.errors import FieldError, Unclear
from sync.model import Change, Diff, Leaf, Missing, Receipt

Shown = Callable[[str], Sequence[object]]
"""A field -> every form in which the reply shows its value (a country by name and by code); none: it does not show it."""
Alike = Callable[[str, Leaf, object], bool]
"""Whether two values of this field, one as sent and one as shown, mean the same to its vendor."""
NOT_HELD = "read back, the vendor does not hold it as sent"


def otherwise(changes: Diff, shown: Shown, alike: Alike, words: str) -> Receipt:
    """The receipt of an update that was accepted: `missing`, in these words, is what the reply shows otherwise."""
    wrong = [change for change in changes if (forms := shown(change.field)) and not _matches(change, forms, alike)]
    return Receipt(tuple(FieldError(change.field, words) for change in wrong))


def looked(changes: Diff, shown: Shown, alike: Alike) -> Receipt:
    """What the customer, read back, says of changes that nobody acknowledged. Raises Unclear where a field is not shown.

    What shows exactly its old value is not held, however much that may be like the new one.
    """
    forms = {change.field: shown(change.field) for change in changes}
    if hidden := [field for field, values in forms.items() if not values]:
        raise Unclear(f"read back, the vendor does not show {', '.join(hidden)}")
    wrong = [
        change for change in changes if _stands(change, forms[change.field]) or not _matches(change, forms[change.field], alike)
    ]
    return Receipt(tuple(FieldError(change.field, NOT_HELD) for change in wrong))


def _matches(change: Change, forms: Sequence[object], alike: Alike) -> bool:
    return any(alike(change.field, change.after, value) for value in forms)


def _stands(change: Change, forms: Sequence[object]) -> bool:
    """Whether the old value is still there, to the letter, and the new one is not."""
    if isinstance(change.before, Missing):
        return False
    old, new = (any(same(value, form) for form in forms) for value in (change.before, change.after))
    return old and not new


def same(sent: Leaf, held: object, *, unordered: bool = False, within: Decimal = Decimal(0)) -> bool:
    """Whether the two differ in JSON's spelling alone: no value is null, "" or [], 1.50 is 1.5 and 77 is "77".

    `within` is how far apart numbers may be.
    """
    if _is_nothing(sent) or _is_nothing(held):
        return _is_nothing(sent) and _is_nothing(held)
    if isinstance(sent, bool) or isinstance(held, bool):
        return sent is held
    if isinstance(sent, list) or isinstance(held, list):
        return isinstance(sent, list) and isinstance(held, list) and _same_lists(sent, held, unordered=unordered)
    if isinstance(sent, int | float | Decimal):
        return _near(sent, held, within)
    return isinstance(held, str | int) and str(sent) == str(held)


def _is_nothing(value: object) -> bool:
    return value is None or value in ("", [])


def _same_lists(sent: list[Leaf], held: list[object], *, unordered: bool) -> bool:
    if unordered:
        sent, held = sorted(sent, key=str), sorted(held, key=str)
    return len(sent) == len(held) and all(map(same, sent, held))


def _near(sent: float | Decimal, held: object, within: Decimal) -> bool:
    try:
        return abs(Decimal(str(held)) - Decimal(str(sent))) <= within
    except ArithmeticError:  # no number, or none that can be counted with
        return False
