"""What more than one command can be told, as flags; a command -> the same, told more."""

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option("--config", metavar="DIR", help="The folder with sync.toml and targets/.")]
HERE = Path("config")
Targets = Annotated[list[str] | None, typer.Option("--target", metavar="NAME", help="Only this target; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a program: a documented, versioned shape.")]
Save = Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the plan there, for `apply`.")]
Command = Callable[..., None]


def with_flags(working: Command, flags: Iterable[inspect.Parameter]) -> Command:
    """`working`, with these flags for its parameters."""
    signature = inspect.Signature(list(flags))
    working.__signature__ = signature  # type: ignore[attr-defined]
    working.__annotations__ = {name: flag.annotation for name, flag in signature.parameters.items()}
    return working


def flag(name: str, kind: object, default: object) -> inspect.Parameter:
    """One of them."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def flags_of(command: Command) -> list[inspect.Parameter]:
    """Those that it has."""
    return list(inspect.signature(command).parameters.values())
