"""Facts in the past tense -> lines on standard error; secrets are taken out here and nowhere else."""

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal

import structlog

Format = Literal["console", "json"]
SHORTEST_SECRET = 4
"""Shorter credentials would take half of every sentence with them."""


class Redactor:
    """Knows every credential and token of this process, and replaces it by `***` wherever text leaves."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def learn(self, secrets: Iterable[str]) -> None:
        """More texts that must never be seen."""
        self._secrets.update(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)

    def clean(self, text: str, also: Iterable[str] = ()) -> str:
        """The text without them, and without `also`."""
        for secret in sorted({*self._secrets, *also} - {""}, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """As a processor of structlog."""
        return {name: self.clean(value) if isinstance(value, str) else value for name, value in event.items()}


def configure(redactor: Redactor, *, level: str, form: Format) -> None:
    """Sets up logging for the process; `level` is one of logging's names in lower case."""
    coloured = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer(colors=coloured) if form == "console" else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redactor,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
