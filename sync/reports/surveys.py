"""What was found of a source -> text for a person, a tree for a program. Values of customers are masked."""

from collections.abc import Mapping
from typing import Any, Protocol

from sync.model import Customer
from sync.ports import Span
from sync.reports.masking import shape


class Surveyed(Protocol):
    """What was found."""

    @property
    def rows(self) -> int | None:
        """How many there are."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Types by name."""

    @property
    def used(self) -> Mapping[str, Any]:
        """The targets that use a column."""

    @property
    def cursor(self) -> str | None:
        """The column by which changes are found."""

    @property
    def span(self) -> Span | None:
        """How far that reaches."""

    @property
    def sample(self) -> Any:
        """Some customers."""

    @property
    def warnings(self) -> list[str]:
        """What could be better."""


def survey_text(found: Surveyed) -> str:
    """Some lines, indented."""
    lines = [f"  rows: {'not known' if found.rows is None else found.rows}"]
    if found.cursor is not None:
        lines.append(f"  cursor: {found.cursor}{_reach(found.span)}")
    for name, kind in found.columns.items():
        users = ", ".join(found.used.get(name, ()))
        lines.append(f"  {name}{f' ({kind.lower()})' if kind else ''}{f': {users}' if users else ''}")
    for customer in found.sample:
        shown = ", ".join(f"{name} = {_masked(value)}" for name, value in customer.values.items())
        lines.append(f"  customer {customer.key}: {shown}")
    return "\n".join([*lines, *(f"  warning: {warning}" for warning in found.warnings)])


def survey_tree(found: Surveyed) -> dict[str, Any]:
    """`{"rows": 59, "columns": [{"name", "type", "used"}], "cursor": {...}, "sample": [...], "warnings": [...]}`."""
    columns = [{"name": name, "type": kind, "used": list(found.used.get(name, ()))} for name, kind in found.columns.items()]
    span = found.span
    cursor = None
    if span is not None:
        cursor = {"name": found.cursor, "first": span.first, "last": span.last, "indexed": span.indexed, "among": span.among}
    sample = [{"customer": customer.key, "values": _values(customer)} for customer in found.sample]
    return {"rows": found.rows, "columns": columns, "cursor": cursor, "sample": sample, "warnings": found.warnings}


def _reach(span: Span | None) -> str:
    if span is None or span.first is None:
        return ""
    index = {True: ", with an index", False: ", without an index", None: ""}[span.indexed]
    among = "" if span.among is None else f", among the first {span.among}"
    return f", from {span.first} to {span.last}{among}{index}"


def _values(customer: Customer) -> dict[str, Any]:
    return {name: _masked(value) for name, value in customer.values.items()}


def _masked(value: Any) -> Any:
    """Whatever could be personal keeps its form only; that there is nothing, yes or no can be seen."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _masked(item) for name, item in value.items()}
    return f"{len(value)} bytes" if isinstance(value, bytes) else shape(str(value))
