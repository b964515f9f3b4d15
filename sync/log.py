"""Facts in the past tense -> lines on standard error; secrets are taken out here and nowhere else."""

import html
import json
import logging
import sys
from collections import deque
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import structlog

Format = Literal["auto", "console", "json"]
SHORTEST_SECRET = 4
"""Shorter credentials would take half of every sentence with them."""
TOKENS = 100
"""Sign-ins whose tokens are remembered; whatever is older has expired, or is one of very many."""
PLAIN = "!$'()*,/:;?@"
"""What stands in the query of an address as it is, wherever an address is written anew."""
CUT = 500
"""A text of so many characters may have been cut off in the middle of a secret; a shorter one is whole."""


class Redactor:
    """Knows every credential and token of this process, and replaces it by `***` wherever text leaves."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._tokens: deque[set[str]] = deque(maxlen=TOKENS)

    def learn_tokens(self, tokens: Iterable[str]) -> None:
        """Secrets that are replaced by others some day: the oldest are forgotten, so that a service does not grow with them."""
        known = [_spellings(token) for token in tokens if len(token) >= SHORTEST_SECRET]
        self._tokens.append(set().union(*known))

    def learn(self, secrets: Iterable[str]) -> None:
        """More texts that must never be seen."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._secrets |= _spellings(secret)

    def clean(self, text: str, also: Iterable[str] = ()) -> str:
        """The text without them, and without `also`; a text that was cut off within one ends before it."""
        hidden = self._secrets.union(*self._tokens, *map(_spellings, also)) - {""}
        length = len(text)
        for secret in sorted(hidden, key=len, reverse=True):
            text = text.replace(secret, "***")
        begun = max((_overlap(text, secret) for secret in hidden), default=0) if length >= CUT else 0
        return text[: len(text) - begun] + "***" if begun else text

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """As a processor of structlog."""
        return {name: self._cleaned(value) for name, value in event.items()}

    def _cleaned(self, value: Any) -> Any:
        match value:
            case str():
                return self.clean(value)
            case list() | tuple():
                return [self._cleaned(item) for item in value]
            case dict():
                return {name: self._cleaned(item) for name, item in value.items()}
        return value


def _spellings(secret: str) -> set[str]:
    """As it is, and as a vendor may say it back: in one line, within JSON, within HTML, within a URL."""
    found = {secret, " ".join(secret.split())}
    found |= {json.dumps(text, ensure_ascii=plain)[1:-1] for text in found for plain in (True, False)}
    within_urls = {spell(secret, safe=plain) for spell in (quote, quote_plus) for plain in ("", "/", PLAIN)}
    return found | {html.escape(secret)} | within_urls


def _overlap(text: str, secret: str) -> int:
    """How many characters at the end of the text are the beginning of the secret; a few are no sign of it."""
    place = text.find(secret[:SHORTEST_SECRET], max(len(text) - len(secret) + 1, 0))
    while place >= 0 and not secret.startswith(text[place:]):
        place = text.find(secret[:SHORTEST_SECRET], place + 1)
    return 0 if place < 0 else len(text) - place


def configure(redactor: Redactor, *, level: str, form: Format) -> None:
    """Sets up logging for the process; `level` is one of logging's names in lower case; auto is for whoever looks on."""
    terminal = sys.stderr.isatty()
    for_people = form == "console" or (form == "auto" and terminal)
    stamp = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False)
    console = structlog.dev.ConsoleRenderer(colors=terminal, sort_keys=False, pad_event_to=18)
    json_lines = (structlog.processors.TimeStamper(fmt="iso", utc=True), redactor, structlog.processors.JSONRenderer())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *((stamp, _legible, redactor, console) if for_people else json_lines),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _legible(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For a person: nothing that is empty, and last what is the same for many lines."""
    run = {"run": event.pop("run")} if "run" in event else {}
    return {name: value for name, value in event.items() if value not in ("", None, [])} | run
