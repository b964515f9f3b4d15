"""The name of a form -> the report that writes it, to standard output or to a file."""

import sys
from collections.abc import Sequence
from pathlib import Path

from sync.errors import SyncError
from sync.model import TargetPlan
from sync.ports import Report
from sync.reports.csv import Csv
from sync.reports.html import Html
from sync.reports.json import Json
from sync.reports.markdown import Markdown, MarkdownPolicy
from sync.reports.text import Text, TextPolicy
from sync.reports.wording import title

FORMS = {"text": "txt", "json": "json", "markdown": "md", "html": "html", "csv": "csv"}
"""Each form with the ending of its file."""


def write(plan: str, targets: Sequence[TargetPlan], forms: Sequence[str], out: Path | None, *, requests: bool) -> None:
    """Writes one form, or several into a folder. Raises SyncError."""
    reports: dict[str, Report] = {
        "text": Text(TextPolicy(requests=requests)),
        "json": Json(),
        "markdown": Markdown(MarkdownPolicy(requests=requests)),
        "html": Html(),
        "csv": Csv(),
    }
    if out is None:
        for form in forms:
            reports[form].write(plan, targets, sys.stdout)
        return
    if len(forms) > 1:
        out.mkdir(parents=True, exist_ok=True)
    for form in forms:
        place = out if len(forms) == 1 else out / f"{title(targets).lower()}.{FORMS[form]}"
        try:
            with place.open("w", encoding="utf-8", newline="") as file:
                reports[form].write(plan, targets, file)
        except OSError as error:
            raise SyncError(f"cannot write {place}: {error.strerror}") from None


def chosen(written: str) -> list[str]:
    """`json,html` -> the forms, before any work is done. Raises SyncError."""
    forms = [name.strip() for name in written.split(",")]
    for form in forms:
        if form not in FORMS:
            raise SyncError(f"there is no form {form}: choose from {', '.join(FORMS)}")
    return forms
