"""A command -> the same with --log-level and --log-format, which set up the log before it begins."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal

import typer

from sync.log import Format, Redactor, configure

Level = Literal["debug", "info", "warning", "error"]
LevelOption = Annotated[Level, typer.Option("--log-level", help="What is told on standard error.")]
FormatOption = Annotated[Format, typer.Option("--log-format", help="auto: coloured on a terminal, else JSON, a line each.")]
REDACTOR = Redactor()
"""Knows the secrets of this process, whatever it does."""


def logged(level: Level) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """For a command that works; `level` is what it tells if nothing is said."""

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def working(log_level: Level, log_format: Format, **words: Any) -> None:
            configure(REDACTOR, level=log_level, form=log_format)
            command(**words)

        options = [_option("log_level", LevelOption, level), _option("log_format", FormatOption, "auto")]
        signature = inspect.signature(command)
        working.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *options])  # type: ignore[attr-defined]
        working.__annotations__ = command.__annotations__ | {option.name: option.annotation for option in options}
        return working

    return with_options


def _option(name: str, kind: Any, default: str) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
