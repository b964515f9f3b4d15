"""A plan that was delivered -> the same entries with how they ended, as the history holds it; page by page."""

from collections.abc import Mapping

from sync.model import Entry, Episode, Outcome, Told, Update
from sync.pipeline.plan import Plan
from sync.ports import Reading

NOT_SENT = "not sent in this run"


async def told(plan: Plan, run: str, why: str, store: Reading) -> Plan:
    """`why` is what kept the account from sending, empty if nothing did. The caller closes it. Raises StateError."""
    ended = Plan(plan.target, plan.figures.known)
    for page in plan.pages():
        sent = [entry.customer for entry in page if isinstance(entry, Update)]
        episodes = await store.episodes(run, plan.target, sent)
        ended.write([_ended(entry, episodes, why or NOT_SENT) for entry in page])
    return ended


def _ended(entry: Entry, episodes: Mapping[str, Episode], why: str) -> Entry:
    """Nothing is in the history of what was never sent: it was put off."""
    if not isinstance(entry, Update):
        return entry
    episode = episodes.get(entry.customer)
    if episode is None:
        return Told(entry, Outcome.DEFERRED, why)
    return Told(entry, episode.outcome, episode.reason, episode.errors)
