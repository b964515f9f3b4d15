"""Settings -> whoever is told when something is wrong: are they known, what do they know, do they hear."""

from sync.app import state_path
from sync.errors import ConfigError, Mistake, SyncError
from sync.log import Redactor
from sync.model import Alert
from sync.service.post import Address, Post
from sync.settings import Settings
from sync.stores.sqlite import open_forgetful


def open_post(settings: Settings, redactor: Redactor) -> Post | None:
    """The way to everybody who is to be told; None where that is nobody."""
    addresses = [Address(name, url) for name, url in settings.alerts.addresses]
    return Post(addresses, redactor) if addresses else None


async def check_addresses(settings: Settings, redactor: Redactor) -> None:
    """Raises ConfigError where messages could not be sent, as far as that can be told without one."""
    post = open_post(settings, redactor)
    wrong = await post.wrong() if post else {}
    if wrong:
        raise ConfigError([Mistake(settings.file, name, reason) for name, reason in wrong.items()])


async def try_addresses(settings: Settings, redactor: Redactor) -> dict[str, str]:
    """Sends everybody a message; by address, why it was not taken, or nothing. Raises SyncError."""
    post = open_post(settings, redactor)
    if post is None:
        raise SyncError(f'{settings.file}: alerts.urls: is empty: name who is to be told, such as ["mailto://..."]')
    await check_addresses(settings, redactor)
    return await post.each("customer-sync: a test", "Nothing is wrong: somebody tries whether alerts arrive.", ill=False)


async def alerts(settings: Settings) -> list[Alert]:
    """What people have been told is wrong, and not yet that it is over."""
    ledger = open_forgetful(state_path(settings))
    try:
        return await ledger.alerts()
    finally:
        await ledger.close()
