"""`[accounts]` -> each account in its vendor's dialect, or every mistake in it."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import SecretStr

from sync.pipeline.rules import load, nearest
from sync.ports import Vendor
from sync.settings.page import Page
from sync.settings.settings import AccountSettings
from sync.settings.tables import AccountTable
from sync.vendors import bundled

Dialects = Mapping[str, type[Vendor] | None]
"""By account, its vendor's class; None where there is none."""


def read_dialects(tables: Mapping[str, Any], page: Page) -> Dialects:
    """Those of all accounts. A key that is missing is found with the rest of its table."""
    return {name: _dialect(f"accounts.{name}.vendor", table, page) for name, table in tables.items()}


def read_accounts(tables: Mapping[str, Any], dialects: Dialects, page: Page) -> dict[str, AccountSettings]:
    """All accounts that are valid."""
    found = [_account(name, table, dialects[name], page) for name, table in tables.items() if isinstance(table, dict)]
    return {account.name: account for account in found if account}


def unpaced(accounts: Iterable[AccountSettings], page: Page) -> list[str]:
    """A warning for each account that could be faster than its vendor allows."""
    return [
        f"{page.file}: accounts.{account.name}: {account.vendor.name} documents a limit of {account.vendor.limit}; "
        f'set rate or quota = "{account.vendor.limit}"'
        for account in accounts
        if account.vendor.limit and not account.policy.pace.rate and not account.policy.pace.quotas
    ]


def _dialect(key: str, table: Any, page: Page) -> Any:
    vendors = bundled()
    name = table.get("vendor") if isinstance(table, dict) else None
    if name is None:
        return None
    if isinstance(name, str) and name in vendors:
        return vendors[name]
    if isinstance(name, str) and ":" in name:
        return _of_their_own(key, name, page)
    hint = nearest(str(name), vendors) or f"; there are {', '.join(sorted(vendors))}"
    page.wrong(key, f"there is no such vendor{hint}")
    return None


def _of_their_own(key: str, name: str, page: Page) -> Any:
    try:
        found = load(name)
    except LookupError as error:
        page.wrong(key, str(error))
        return None
    if Vendor not in getattr(found, "__mro__", ()):
        page.wrong(key, f"{name} is not a vendor: a class that implements sync.ports.Vendor")
        return None
    return found


def _account(name: str, table: Mapping[str, Any], dialect: Any, page: Page) -> AccountSettings | None:
    """The keys of every account and those of its vendor are two models over one table."""
    key, every = f"accounts.{name}", AccountTable.model_fields
    common = page.valid(AccountTable, {part: value for part, value in table.items() if part in every}, key)
    if dialect is None:
        return None
    own = {part: value for part, value in table.items() if part not in every}
    credentials = page.valid(dialect.Account, own, key, tuple(every))
    if common is None or credentials is None:
        return None
    secrets = tuple(value.get_secret_value() for _, value in credentials if isinstance(value, SecretStr))
    return AccountSettings(name, dialect(credentials), common.policy, secrets)
