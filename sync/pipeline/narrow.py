"""An update -> a part of it, said anew by its vendor. Pure."""

from collections.abc import Callable
from dataclasses import replace

from sync.model import Diff, Missing, Request, Update

Say = Callable[[Update, Diff], tuple[Request, ...]]
"""The vendor's requests for some of an update's changes."""


def narrowed(update: Update, keep: Diff, say: Say) -> Update:
    """The update with some of its changes only; its customer goes on waiting for the others."""
    if keep == update.changes:
        return update
    kept = {change.field for change in keep}
    leaves = dict(update.leaves)
    for change in update.changes:
        if change.field not in kept:
            leaves.pop(change.field)
            if not isinstance(change.before, Missing):
                leaves[change.field] = change.before
    part = replace(update, changes=keep, leaves=leaves, stays=True)
    return replace(part, requests=say(part, keep))
