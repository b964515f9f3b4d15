"""One message for each change that lasts, and none that people know already."""

from datetime import UTC, datetime, timedelta

from sync.model import Alert
from sync.service.alerting import Bulletin, Message, Sign

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AFTER = timedelta(seconds=10)
UNWELL = Sign("accounts.rpm.unwell", ill=True, text="account rpm: the vendor does not answer", advice="Target rpm waits.")
WELL = Sign("accounts.rpm.unwell", ill=False)
NOBODY_KNOWS = Sign("accounts.rpm.unwell", ill=None)
ALERT = Alert(UNWELL.about, NOON, UNWELL.text)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def bulletin(*alerts: Alert) -> Bulletin:
    return Bulletin(alerts, AFTER)


def due(of: Bulletin, *signs: Sign, seconds: float) -> list[bool]:
    return [message.ill for message in of.due(signs, at(seconds))]


def test_what_lasts_is_told_once_and_once_that_it_is_over() -> None:
    news = bulletin()
    assert due(news, UNWELL, seconds=0) == []
    [wrong] = news.due([UNWELL], at(10))
    assert wrong == Message(
        ALERT,
        ill=True,
        title="customer-sync: account rpm: the vendor does not answer",
        body="Since 2026-11-22 12:00 UTC. Target rpm waits.",
    )
    news.told(wrong)
    assert news.alerts == (ALERT,)
    assert due(news, UNWELL, seconds=1000) == []
    assert due(news, WELL, seconds=1200) == []
    [over] = news.due([WELL], at(1210))
    assert (over.title, over.body) == (
        "customer-sync: over: account rpm: the vendor does not answer",
        "Well again since 2026-11-22 12:20 UTC; it had begun at 2026-11-22 12:00 UTC.",
    )
    news.told(over)
    assert news.alerts == ()
    assert due(news, WELL, seconds=2000) == []


def test_what_passes_soon_is_not_told() -> None:
    news = bulletin()
    assert due(news, UNWELL, seconds=0) == []
    assert due(news, WELL, seconds=5) == []
    assert due(news, UNWELL, seconds=8) == []
    assert due(news, UNWELL, seconds=17) == []
    assert due(news, UNWELL, seconds=18) == [True]


def test_what_could_not_be_told_is_due_again_unless_it_is_over_by_then() -> None:
    news = bulletin()
    news.due([UNWELL], at(0))
    assert due(news, UNWELL, seconds=10) == [True]
    assert due(news, UNWELL, seconds=20) == [True]
    assert due(news, WELL, seconds=30) == []
    assert due(news, WELL, seconds=60) == []


def test_a_restart_tells_nothing_again_and_well_only_what_is_known_to_be() -> None:
    news = bulletin(ALERT)
    assert due(news, UNWELL, seconds=100) == []
    assert due(news, NOBODY_KNOWS, seconds=200) == []
    assert due(news, NOBODY_KNOWS, seconds=300) == []
    assert due(news, WELL, seconds=400) == []
    assert due(news, WELL, seconds=410) == [False]


def test_what_nobody_can_tell_just_now_is_neither_told_nor_taken_back() -> None:
    news = bulletin()
    assert due(news, UNWELL, seconds=0) == []
    assert due(news, NOBODY_KNOWS, seconds=5) == []
    assert due(news, UNWELL, seconds=10) == [True]


def test_what_the_configuration_no_longer_has_is_forgotten_without_a_word() -> None:
    news = bulletin(ALERT)
    assert (news.keep([ALERT.about]), news.alerts) == (False, (ALERT,))
    assert (news.keep(["accounts.sellercloud.unwell"]), news.alerts) == (True, ())
