"""A command -> the same with --log-level and --log-format, which set up the log before it begins."""

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal

import typer

from sync.cli.flags import Command, flag, flags_of, with_flags
from sync.log import Format, Redactor, configure

Level = Literal["debug", "info", "warning", "error"]
LevelOption = Annotated[Level, typer.Option("--log-level", help="What is told on standard error.")]
FormatOption = Annotated[Format, typer.Option("--log-format", help="auto: coloured on a terminal, else JSON, a line each.")]
REDACTOR = Redactor()
"""Knows the secrets of this process, whatever it does."""


def logged(level: Level) -> Callable[[Command], Command]:
    """For a command that works; `level` is what it tells if nothing is said."""

    def with_options(command: Command) -> Command:
        @wraps(command)
        def working(log_level: Level, log_format: Format, **words: Any) -> None:
            configure(REDACTOR, level=log_level, form=log_format)
            command(**words)

        options = (flag("log_level", LevelOption, level), flag("log_format", FormatOption, "auto"))
        return with_flags(working, (*flags_of(command), *options))

    return with_options
