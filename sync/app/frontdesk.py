"""A configuration at work -> who may in, and what the dashboard may ask for."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from sync.app import Proposal, Unwatched, propose_of
from sync.errors import ConfigError, Mistake
from sync.model import Explanation, Failure
from sync.pipeline.explain import Asked, explained
from sync.pipeline.feeds import Feed
from sync.ports import Store
from sync.service.access.policy import LOOPBACK, AccessPolicy, is_loopback, named
from sync.service.dashboard.desk import Desk
from sync.settings import Address, Settings


def access(settings: Settings, place: Address) -> AccessPolicy:
    """Who may in where it listens. Raises ConfigError where anybody could come in from elsewhere."""
    table, local = settings.service, is_loopback(place.host)
    policy = AccessPolicy(
        table.token.get_secret_value() if table.token else "",
        table.username or "",
        table.password.get_secret_value() if table.password else "",
        frozenset(table.open),
        frozenset(map(named, table.hosts)) | (LOOPBACK | {place.host} if local else frozenset()),
        table.tls,
    )
    if not (local or policy.guarded):
        advice = "set token, or username and password, or listen on 127.0.0.1"
        told = f"{place.host} can be reached from other machines, and nobody would have to log in: {advice}"
        raise ConfigError([Mistake(settings.file, "service", told)])
    return policy


def make_desk(settings: Settings, feeds: Sequence[Feed], store: Store) -> Desk:
    """Over the sources that are open, so that whatever paces them paces this, too."""
    targets = {target.name: (target, feed.source) for feed in feeds for target in feed.chosen}

    async def explain(name: str, customer: str, failure: Failure | None) -> Explanation:
        target, source = targets[name]
        fields = settings.targets[name].table.fields
        return await explained(Asked(target, source, store, fields), customer, None, failure)

    @asynccontextmanager
    async def propose(names: Sequence[str]) -> AsyncIterator[Proposal]:
        chosen = [replace(feed, chosen=tuple(one for one in feed.chosen if one.name in names)) for feed in feeds]
        async with propose_of(settings, [feed for feed in chosen if feed.chosen], Unwatched()) as proposal:
            yield proposal

    return Desk(explain, propose, settings.service.mask)
