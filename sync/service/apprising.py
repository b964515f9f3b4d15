"""A message on standard input -> apprise -> nothing, or why it was not taken, on standard output.

A process of its own (`python -m sync.service.apprising`): some hundred services are told in blocking calls there, and
whatever hangs in one, or stays in memory, is ended with the process.
"""

import json
import logging
import sys
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyType

UNKNOWN = 'is no address that apprise knows, such as "mailto://...", "slack://...", "msteams://..." or "jsons://..." (a webhook)'


class _Said(logging.Handler):
    """What apprise complains of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def apprised(order: dict[str, Any]) -> str:
    """Sends the order's message to its address, if there is one; why it could not, or nothing."""
    said = _Said()
    logger = logging.getLogger("apprise")
    logger.addHandler(said)
    logger.propagate = False
    asset = AppriseAsset(app_id="customer-sync", app_desc="customer-sync", app_url="")
    place = Apprise.instantiate(order["url"], asset=asset)
    if place is None:
        return UNKNOWN
    if "title" not in order:
        return ""
    sender = Apprise(asset=asset)
    sender.add(place)
    kind = NotifyType.FAILURE if order["ill"] else NotifyType.SUCCESS
    if sender.notify(body=order["body"], title=order["title"], notify_type=kind, body_format="text"):
        return ""
    return " ".join(said.lines) or "it was not taken"


if __name__ == "__main__":
    sys.stdout.write(apprised(json.load(sys.stdin)))
