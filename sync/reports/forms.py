"""The name of a form -> the report that writes it, to standard output or to a file."""

import sys
from collections.abc import Sequence
from pathlib import Path

from sync.errors import SyncError
from sync.model import TargetPlan
from sync.ports import Report
from sync.reports.json import Json
from sync.reports.text import Text, TextPolicy

ENDINGS = {"text": "txt", "json": "json"}


def write(plan: str, targets: Sequence[TargetPlan], forms: str, out: Path | None, *, requests: bool) -> None:
    """Writes one form, or several into a folder. Raises SyncError."""
    names = [name.strip() for name in forms.split(",")]
    reports: dict[str, Report] = {"text": Text(TextPolicy(requests=requests)), "json": Json()}
    for name in names:
        if name not in reports:
            raise SyncError(f"there is no form {name}: choose from {', '.join(reports)}")
    if out is None:
        for name in names:
            reports[name].write(plan, targets, sys.stdout)
        return
    if len(names) > 1:
        out.mkdir(parents=True, exist_ok=True)
    for name in names:
        place = out if len(names) == 1 else out / f"plan.{ENDINGS[name]}"
        try:
            with place.open("w", encoding="utf-8") as file:
                reports[name].write(plan, targets, file)
        except OSError as error:
            raise SyncError(f"cannot write {place}: {error.strerror}") from None
