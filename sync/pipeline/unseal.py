"""Updates of a plan -> the same with the passwords that no plan holds."""

from collections.abc import Sequence
from dataclasses import replace

from sync.errors import SyncError
from sync.model import (
    Change,
    Customer,
    Outcome,
    Record,
    Secret,
    Settlement,
    Update,
)
from sync.pipeline.feeds import Target
from sync.pipeline.project import project
from sync.ports import Source


async def unsealed(updates: Sequence[Update], source: Source, target: Target) -> Sequence[Update | Settlement]:
    """Passwords are not part of a plan: they are read again; an update whose password has moved on waits for the next run."""
    sealed = [update for update in updates if _is_sealed(update)] if target.projection.secrets else []
    if not sealed:
        return updates
    try:
        customers = {customer.key: customer for customer in await source.fetch([update.customer for update in sealed])}
    except SyncError as error:
        return [_put_off(update, str(error)) if _is_sealed(update) else update for update in updates]
    return [_opened(update, customers.get(update.customer), target) if _is_sealed(update) else update for update in updates]


def _is_sealed(update: Update) -> bool:
    return any(isinstance(change.after, Secret) for change in update.changes)


def _opened(update: Update, customer: Customer | None, target: Target) -> Update | Settlement:
    record = project(customer, target.projection) if customer else None
    if not isinstance(record, Record):
        return _put_off(update, "the customer has changed since it was planned")
    known = {name: leaf for name, leaf in record.leaves.items() if isinstance(leaf, Secret)}
    changes = tuple(
        change
        if not isinstance(change.after, Secret)
        else Change(change.field, change.before, known.get(change.field), change.sources)
        for change in update.changes
    )
    if changes != update.changes:
        return _put_off(update, "the customer has changed since it was planned")
    return replace(update, changes=changes, requests=target.vendor.requests(update.identity, changes, update.leaves))


def _put_off(update: Update, reason: str) -> Settlement:
    told = (update.customer, update.identity.value, update.version, Outcome.DEFERRED, reason)
    return Settlement(*told, stays=update.stays)
