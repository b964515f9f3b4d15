"""A saved plan and the world as it is now -> what of the plan still holds, to be sent as it was planned. Pure.

A field that has moved on since (at the source or at the target) is dropped; the rest goes, byte for byte.
"""

from dataclasses import dataclass, replace

from sync.model import Diff, Entry, Hold, Outcome, Request, Settlement, Update, said_of
from sync.pipeline.narrow import Say, narrowed


@dataclass(frozen=True, slots=True)
class Dropped:
    """Fields of one customer that were planned and are not sent, and why."""

    customer: str
    fields: tuple[str, ...]
    reason: str


def still_holds(
    planned: Diff, bodies: tuple[tuple[str, str, str], ...], id: str, now: Entry, say: Say
) -> tuple[Update | None, Dropped | None]:
    """What of a planned update can be sent, and what cannot; `now` is what a plan made at this moment says of the customer."""
    if not isinstance(now, Update) or now.identity.value != id:
        fields = tuple(change.field for change in planned)
        return None, Dropped(now.customer, fields, "the customer has moved on since it was planned")
    current = {change.field: change for change in now.changes}
    keep = tuple(change for change in planned if _same(current.get(change.field), change))
    gone = tuple(change.field for change in planned if not _same(current.get(change.field), change))
    dropped = Dropped(now.customer, gone, "moved on since it was planned") if gone else None
    if not keep:
        return None, dropped
    update = narrowed(now, tuple(current[change.field] for change in keep), say)
    if not gone and rendered(update.requests) != bodies:
        fields = tuple(change.field for change in planned)
        return None, Dropped(now.customer, fields, "this version says it in another request than was planned")
    return update, dropped


def still_held(planned: Diff, holds: tuple[Hold, ...], id: str, now: Entry) -> Settlement | None:
    """What of a planned update is still kept back by the gates that held it then; None: nothing."""
    if not isinstance(now, Update) or now.identity.value != id:
        return None
    current = {change.field: change for change in now.changes}
    same = {change.field for change in planned if _same(current.get(change.field), change)}
    left = tuple(
        replace(hold, fields=fields)
        for hold in holds
        if (fields := tuple(name for name in hold.fields if name in same and (hold.gate, name) not in now.released))
    )
    return Settlement(now.customer, id, now.version, Outcome.HELD, said_of(left), holds=left) if left else None


def rendered(requests: tuple[Request, ...]) -> tuple[tuple[str, str, str], ...]:
    """Requests as a saved plan holds them."""
    return tuple((request.method, request.url, (request.content() or b"").decode()) for request in requests)


def _same(now: object, planned: object) -> bool:
    return now is not None and now == planned
