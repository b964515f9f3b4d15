"""How things are, and what people have been told -> the messages that are due. Pure: the clock is the caller's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.model import Alert


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that can be wrong, `about` which people are told once: whether it is, or None while nobody can tell.

    `text` is a sentence that says what is wrong, `advice` what happens now and what to do; neither holds a customer's values.
    """

    about: str
    ill: bool | None
    text: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What people are told: something is wrong, or well again. `alert` is what to remember of it, or to forget."""

    alert: Alert
    ill: bool
    title: str
    body: str


class Bulletin:
    """Knows what people have been told (`alerts`), and what has changed since for longer than `after`.

    What is seen for a moment only is not worth a message, and neither is what goes before anybody was told.
    """

    def __init__(self, alerts: Iterable[Alert], after: timedelta) -> None:
        self._alerts = {alert.about: alert for alert in alerts}
        self._after = after
        self._otherwise: dict[str, datetime] = {}

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """What is wrong, as far as people know."""
        return tuple(self._alerts.values())

    def due(self, signs: Sequence[Sign], now: datetime) -> list[Message]:
        """The messages for what has changed. They are due again until they are `told`, or things are as people think."""
        found = []
        for sign in signs:
            if sign.ill is None:
                continue
            alert = self._alerts.get(sign.about)
            if sign.ill == (alert is not None):
                self._otherwise.pop(sign.about, None)
                continue
            since = self._otherwise[sign.about] = min(self._otherwise.get(sign.about, now), now)  # a clock may be set back
            if now - since >= self._after:
                found.append(_well_again(alert, since) if alert else _wrong(sign, since))
        return found

    def told(self, message: Message) -> None:
        """People know."""
        about = message.alert.about
        self._otherwise.pop(about, None)
        if message.ill:
            self._alerts[about] = message.alert
        else:
            del self._alerts[about]

    def keep(self, abouts: Iterable[str]) -> bool:
        """Forgets what no sign is about any more, since it was taken out of the configuration; says whether there was any."""
        gone = self._alerts.keys() - set(abouts)
        for about in gone:
            del self._alerts[about]
        return bool(gone)


def _wrong(sign: Sign, since: datetime) -> Message:
    return Message(
        Alert(sign.about, since, sign.text),
        ill=True,
        title=f"customer-sync: {sign.text}",
        body=f"Since {_at(since)}. {sign.advice}",
    )


def _well_again(alert: Alert, since: datetime) -> Message:
    return Message(
        alert,
        ill=False,
        title=f"customer-sync: over: {alert.text}",
        body=f"Well again since {_at(since)}; it had begun at {_at(alert.since)}.",
    )


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
