"""Where messages go: what is said of an address never shows it, and what is not there is named."""

import sys

import pytest

from sync.log import Redactor
from sync.service.post import Address, Post

NOWHERE = Address("alerts.urls[0]", "mailto://127.0.0.1:9?from=robot@example.com&to=ops@example.com")


async def test_without_apprise_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    wrong = await Post([NOWHERE], Redactor()).wrong()
    assert wrong == {"alerts.urls[0]": "apprise is not installed: pip install 'customer-sync[alerts]'"}


async def test_an_address_that_may_be_one_is_not_wrong() -> None:
    odd = Address("alerts.urls[1]", "carrierpigeon://secret-0815")
    wrong = await Post([NOWHERE, odd], Redactor()).wrong()
    assert list(wrong) == ["alerts.urls[1]"]
    assert "secret-0815" not in wrong["alerts.urls[1]"]


async def test_why_somebody_was_not_reached_is_told_without_the_address() -> None:
    redactor = Redactor()
    reason = await Post([NOWHERE], redactor)._try(NOWHERE, {"url": NOWHERE.url, "title": "t", "body": "b", "ill": True})
    assert reason != ""
    assert "127.0.0.1" not in reason
    assert redactor.clean(f"told {NOWHERE.url}") == "told ***"
