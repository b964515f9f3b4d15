"""A plan -> comma-separated values (RFC 4180) for a spreadsheet: a line for each change of each customer.

A text that a spreadsheet would take for a formula gets an apostrophe in front: one that begins with = + - @, tab or a line end,
also behind apostrophes, so that taking one away gives the text back. A phone number gets it, too: `+61 2-9999` would be computed,
and `+61412345678` would lose its plus. A negative number is only a number and stays as it is.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, TextIO

from sync.model import Change, Held, Leaf, Missing, Rejection, TargetPlan, Told, Update
from sync.ports import Report
from sync.reports.values import shown
from sync.reports.wording import GONE, errors, leavers, title, why_held

COLUMNS: Final = ("target", "customer", "id", "outcome", "field", "before", "after", "from", "error")
MARKS: Final = {"unknown": "<unknown>", "absent": "<absent>", "null": "<null>", '""': "<empty>"}
"""What is no text, in signs that can be told from text: a text that reads like one of these is put in double quotes."""
FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - some spreadsheets read the wide signs, too
NEGATIVE: Final = re.compile(r"-\d+(\.\d+)?")
Row = tuple[str, ...]


class Csv(Report):
    """What a spreadsheet opens. The output should not translate line ends (`newline=""`)."""

    def write(self, plan: str, targets: Sequence[TargetPlan], out: TextIO) -> None:
        """Targets one after the other, customers as they were planned; those that are in step are left out."""
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerow((title(targets).lower(), *COLUMNS))
        for target in targets:
            writer.writerows([safe(cell) for cell in (plan, target.target, *row)] for row in _rows(target))


def safe(text: str) -> str:
    """The text such that no spreadsheet computes it."""
    return f"'{text}" if FORMULA.match(text) and not NEGATIVE.fullmatch(text) else text


def said(value: Leaf | Missing) -> str:
    """A value as a cell: text as it is, numbers plain, lists as JSON, and marks for what is not there."""
    if isinstance(value, str) and value:
        return f'"{value}"' if value.strip('"') in MARKS.values() else value
    text = format(value, "f") if isinstance(value, Decimal) else shown(value)
    return MARKS.get(text, text)


def _rows(target: TargetPlan) -> Iterator[Row]:
    for entry in target.entries():
        match entry:
            case Update():
                yield from (_told(entry, change, "update", GONE if entry.gone else "") for change in entry.changes)
            case Told():
                gone = [GONE] if entry.update.gone else []
                why = "; ".join([*gone, entry.reason, *map(str, entry.errors)]).strip("; ")
                yield from (_told(entry.update, change, entry.outcome.value, why) for change in entry.update.changes)
            case Rejection():
                yield from _errors(entry)
            case Held():
                held = entry.update
                yield from (_told(held, change, "held", why_held(entry, change.field)) for change in held.changes)
    for customer, why in leavers(target):
        yield customer, "", "left", "", "", "", "", why


def _told(update: Update, change: Change, outcome: str, error: str) -> Row:
    return update.customer, update.identity.value, outcome, *_change(change), error


def _change(change: Change) -> Row:
    return change.field, said(change.before), said(change.after), ", ".join(change.sources)


def _errors(rejection: Rejection) -> Iterator[Row]:
    for error in errors(rejection):
        yield rejection.customer, "", "rejected", error.field, "", "", "", error.message
