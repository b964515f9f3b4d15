"""What a person asks to see of a plan -> what writes it so."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sync.cli.flags import Command, flag, flags_of, with_flags
from sync.model import TargetPlan


class Part(Enum):
    """What of a plan is shown."""

    CHANGED = "changed"
    REJECTED = "rejected"
    HELD = "held"


Form = Annotated[str, typer.Option("--format", metavar="FORM[,FORM]", help="text, json, markdown, html, csv.")]
Told = Annotated[
    str | None, typer.Option("--format", metavar="FORM[,FORM]", help="Who was told what: text, json, markdown, html, csv.")
]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Write there; a folder if there are several forms.")]
Exact = Annotated[bool, typer.Option("--requests", help="Show the exact requests, too.")]
Shown = Literal["full", "masked"]
Values = Annotated[Shown, typer.Option(help="masked hides personal values, but shows what changed in them.")]
Parts = Annotated[list[Part] | None, typer.Option(metavar="changed|rejected|held", help="Only these; may be repeated.")]
Customers = Annotated[list[str] | None, typer.Option(metavar="KEY", help="Only this customer; may be repeated.")]
Fields = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only changes of this field; may be repeated.")]
Write = Callable[[str, Sequence[TargetPlan]], None]


@dataclass(frozen=True, slots=True)
class Showing:
    """How a plan is shown: where, in which detail, and which part of it. Each is a flag of the same name."""

    out: Out = None
    requests: Exact = False
    show_values: Values = "full"
    only: Parts = None
    customer: Customers = None
    field: Fields = None

    def writer(self, form: str) -> Write:
        """What writes a plan in these forms; that there are such forms is known before any work is done. Raises SyncError."""
        from sync.reports.forms import chosen, write
        from sync.reports.view import View

        forms, masked = chosen(form), self.show_values == "masked"
        only: tuple[Literal["changed", "rejected", "held"], ...] = tuple(part.value for part in self.only or ())
        view = View(only, frozenset(self.customer or ()), tuple(self.field or ()), masked=masked)

        def written(plan: str, targets: Sequence[TargetPlan]) -> None:
            write(view.name(plan), [view.of(target) for target in targets], forms, self.out, requests=self.requests)

        return written


def shows(command: Command) -> Command:
    """For a command with a `showing`: its parts are flags, in its place."""
    parts = [flag(part.name, part.type, part.default) for part in fields(Showing)]

    @wraps(command)
    def working(**words: Any) -> None:
        showing = Showing(**{part.name: words.pop(part.name) for part in parts})
        command(showing=showing, **words)

    return with_flags(working, _unfolded(flags_of(command), parts))


def _unfolded(own: list[Parameter], parts: list[Parameter]) -> Iterator[Parameter]:
    for one in own:
        yield from parts if one.annotation is Showing else [one]
