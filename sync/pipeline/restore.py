"""What a run told of one customer, and what its target holds now -> what puts it back, and what cannot be put back. Pure."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from sync.errors import FieldError
from sync.model import (
    ABSENT,
    NEVER,
    UNKNOWN,
    Baseline,
    Change,
    Diff,
    Entry,
    Episode,
    Field,
    Foreign,
    Leaf,
    Outcome,
    Rejection,
    Secret,
    Update,
)
from sync.pipeline.diff import same

TAKEN = {Outcome.DELIVERED, Outcome.UNKNOWN}
"""How an episode ends of which the vendor has, or may have, something."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A target as it is now: its place, what its vendor knows of a field, and the fields that its map has."""

    place: str
    about: Callable[[str], Field]
    mapped: Container[str]


@dataclass(frozen=True, slots=True)
class Restored:
    """The values that put a customer back, and why the other fields stay as they are."""

    leaves: Mapping[str, Leaf]
    errors: tuple[FieldError, ...]


def restored(episode: Episode, held: Baseline | None, now: Entry, ground: Ground) -> Restored:
    """`held` is what the target last acknowledged, `now` what a plan made at this moment says of the customer.

    A field that holds its earlier value already, or never held what the run sent, needs nothing.
    """
    leaves: dict[str, Leaf] = {}
    errors: list[FieldError] = []
    away = _away(episode, held, now, ground.place)
    touched = _touched(now)
    for change in episode.changes:
        about = ground.about(change.field)
        goal = about.clear if change.before is ABSENT else change.before
        if held and not away and _is_as_before(episode, change, goal, held):
            continue
        why = away or _why_not(change, goal, about, held, ground.mapped)
        if not why and change.field in touched:
            why = "the source or the map says otherwise by now, and the next run tells the target so"
        if why:
            errors.append(FieldError(change.field, f"not restorable: {why}"))
        else:
            leaves[change.field] = goal
    return Restored(leaves, tuple(errors))


def _away(episode: Episode, held: Baseline | None, now: Entry, place: str) -> str:
    """Why nothing of this customer can be put back; empty: something may be."""
    match now:
        case Foreign(gone=True):
            return "the customer is gone from the source"
        case Foreign():
            return "the customer is not this target's any more"
        case Rejection():
            told = "; ".join(map(str, now.errors[:1]))
            return f"the customer does not fit the target as it is now ({told})"
    if held is None:
        return "nothing is known of what the target holds"
    if (episode.place, held.place) != (place, place):
        return "the account has been pointed to another place since"
    if held.id != episode.id or (isinstance(now, Update) and now.identity.value != episode.id):
        return "the vendor knows the customer by another id since"
    return ""


def _is_as_before(episode: Episode, change: Change, goal: object, held: Baseline) -> bool:
    if change.field in held.doubt:
        return False
    value = _held(change, held)
    if value is change.before or same(value, goal):
        return True
    return episode.outcome not in TAKEN and not same(value, change.after)


def _why_not(change: Change, goal: object, about: Field, held: Baseline | None, mapped: Container[str]) -> str:
    if change.field not in mapped:
        return "the map has no such field any more"
    if about.secret or isinstance(change.before, Secret):
        return "it is a password, of which only a fingerprint is kept"
    if change.before is UNKNOWN:
        return "what was there before is not known"
    if goal is NEVER:
        return "there was no value before, and the vendor cannot empty it"
    if held is None or change.field in held.doubt:
        return "what the target holds is not known just now"
    if not same(_held(change, held), change.after, unordered=about.unordered):
        return "it has been changed since"
    return ""


def _held(change: Change, held: Baseline) -> object:
    return (held.leaves or {}).get(change.field, ABSENT)


def still_wanted(put_back: Diff, now: Entry) -> Mapping[str, Leaf]:
    """The values that an undo was planned to put back, but for the fields of which something else is to be told by now."""
    touched = _touched(now)
    return {change.field: change.after for change in put_back if change.field not in touched}


def keeps(kept: Mapping[str, Mapping[str, Leaf]], more: Mapping[str, Mapping[str, Leaf]]) -> dict[str, Mapping[str, Leaf]]:
    """What customers would keep, with more fields added to those that they keep already."""
    return {**kept, **{customer: {**kept.get(customer, {}), **leaves} for customer, leaves in more.items()}}


def remains(kept: Mapping[str, Leaf], put_back: Diff, plain: Entry) -> Mapping[str, Leaf]:
    """What has to be kept once `put_back` is told: not what the source says anyway (`plain`: the plan, if nothing were kept)."""
    said = {change.field: change.after for change in plain.changes} if isinstance(plain, Update) else {}
    told = {change.field for change in put_back if change.field in said and same(said[change.field], change.after)}
    leaves = {**kept, **{change.field: change.after for change in put_back}}
    return {name: leaf for name, leaf in leaves.items() if name not in told}


def _touched(now: Entry) -> frozenset[str]:
    return frozenset(change.field for change in now.changes) if isinstance(now, Update) else frozenset()
