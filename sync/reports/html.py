"""A plan -> one HTML page that needs nothing else: figures, bars, and a list of customers to search and filter.

The customers are JSON in the page, set as text by the page's own script, which alone is allowed to run; they are drawn as far as
somebody scrolls, so that a large plan opens at once.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final, TextIO

from sync.model import Change, Held, Rejection, Request, TargetPlan, Update, dumps
from sync.ports import Report
from sync.reports import charts
from sync.reports.gates import gates_html
from sync.reports.marking import Pieces, clip, sides
from sync.reports.values import visible
from sync.reports.wording import TOLD, ended, entries, errors, how_many, known_as, leavers, title

LONGEST_VALUE: Final = 300
ENTRIES: Final = "$entries"
LEADS: Final = {
    "Plan": "What each target would be told. Nothing on this page has been sent.",
    "Run": "What each target was told, and how it ended.",
}


@dataclass(frozen=True, slots=True)
class HtmlPolicy:
    """What is shown: the exact `requests`, and at most `limit` customers in each target's lists (None: all)."""

    requests: bool = True
    limit: int | None = 20_000


class Html(Report):
    """What is opened in a browser, kept, printed or sent on. It asks the network for nothing."""

    def __init__(self, policy: HtmlPolicy | None = None) -> None:
        self._policy = policy or HtmlPolicy()

    def write(self, plan: str, targets: Sequence[TargetPlan], out: TextIO) -> None:
        """The page around the customers, and these one by one."""
        head, foot = _read("plan.html").split(ENTRIES)
        script, style = _read("plan.js"), _read("plan.css")
        texts = {
            "plan": escape(visible(plan)),
            "kind": title(targets),
            "lead": LEADS[title(targets)],
            "script": script,
            "script_hash": _digest(script),
            "style": style,
            "style_hash": _digest(style),
            "summary": charts.figures(targets),
            "gates": gates_html(targets),
            "fields": charts.fields(targets),
            "notes": "".join(_notes(targets, self._policy.limit)),
        }
        out.write(Template(head).substitute(texts))
        out.write("[")
        trees = _trees(targets, self._policy)
        out.writelines((",\n" if number else "\n") + _inline(tree) for number, tree in enumerate(trees))
        out.write("\n]" + Template(foot).substitute(texts))


def content_policy() -> str:
    """What the page may do, as a content security policy: run its own script and look as it does, nothing else."""
    script, style = (_digest(_read(name)) for name in ("plan.js", "plan.css"))
    return f"default-src 'none'; script-src '{script}'; style-src '{style}'; base-uri 'none'; form-action 'none'"


def _read(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text("utf-8")


def _digest(text: str) -> str:
    """As a content security policy names what may run."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _inline(tree: dict[str, Any]) -> str:
    """JSON in which nothing ends, or begins, an element of the page."""
    return dumps(tree).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _notes(targets: Sequence[TargetPlan], limit: int | None) -> Iterator[str]:
    for target in targets:
        for name, total in (
            ("rejected", target.rejected),
            ("held", target.held),
            ("updates", target.updates),
            ("left", target.left),
            *((outcome.value, how_many(target, outcome)) for outcome in TOLD),
        ):
            if limit is not None and total > limit:
                yield f"<p>{escape(visible(target.target))}: the first {limit:,} of {total:,} {name} are listed.</p>"


def _trees(targets: Sequence[TargetPlan], policy: HtmlPolicy) -> Iterator[dict[str, Any]]:
    """Who needs attention comes first, whatever the target."""
    for part in (_rejected, _kept_back, _left, _ended, _told):
        for target in targets:
            name = {"target": visible(target.target)}
            yield from (name | tree for tree in part(target, policy))


def _rejected(target: TargetPlan, policy: HtmlPolicy) -> Iterator[dict[str, Any]]:
    return map(_rejection, entries(target, Rejection, policy.limit) if target.rejected else ())


def _kept_back(target: TargetPlan, policy: HtmlPolicy) -> Iterator[dict[str, Any]]:
    return (_held(entry, policy) for entry in (entries(target, Held, policy.limit) if target.held else ()))


def _left(target: TargetPlan, policy: HtmlPolicy) -> Iterator[dict[str, Any]]:
    for customer, why in leavers(target, policy.limit):
        yield {"outcome": "left", "customer": visible(customer), "reason": why}


def _ended(target: TargetPlan, policy: HtmlPolicy) -> Iterator[dict[str, Any]]:
    for outcome in TOLD if target.outcomes is not None else ():
        for told in ended(target, outcome, policy.limit) if how_many(target, outcome) else ():
            why = [[visible(error.field), visible(error.message)] for error in told.errors]
            tree = {"outcome": outcome.value} | _update(told.update, policy) | ({"errors": why} if why else {})
            yield tree | ({"reason": visible(told.reason)} if told.reason else {})


def _told(target: TargetPlan, policy: HtmlPolicy) -> Iterator[dict[str, Any]]:
    for entry in entries(target, Update, policy.limit) if target.updates else ():
        yield {"outcome": "update"} | _update(entry, policy)


def _rejection(entry: Rejection) -> dict[str, Any]:
    told = [[visible(error.field), visible(error.message)] for error in errors(entry)]
    return {"outcome": "rejected", "customer": visible(entry.customer), "errors": told}


def _held(entry: Held, policy: HtmlPolicy) -> dict[str, Any]:
    return {"outcome": "held", "reason": visible(entry.reason)} | _update(entry.update, policy)


def _update(update: Update, policy: HtmlPolicy) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "customer": visible(update.customer),
        "id": visible(known_as(update)),
        "changes": [_change(change) for change in update.changes],
    }
    return tree | ({"requests": [_request(request) for request in update.requests]} if policy.requests else {})


def _change(change: Change) -> list[Any]:
    before, after = clip(sides(change), LONGEST_VALUE)
    return [visible(change.field), _value(before), _value(after), visible(", ".join(change.sources))]


def _value(pieces: Pieces) -> str | list[str]:
    """A text, or in turns what is the same on both sides (maybe empty) and what differs."""
    if not any(piece.differs for piece in pieces):
        return "".join(piece.text for piece in pieces)
    turns = [""]
    for text, differs in pieces:
        if differs == (len(turns) % 2 == 0):
            turns[-1] += text
        else:
            turns.append(text)
    return turns


def _request(request: Request) -> list[str | None]:
    """As it is sent; what cannot be seen in the body stands as JSON escapes it."""
    content = request.content()
    return [visible(f"{request.method} {request.url}"), None if content is None else visible(content.decode())]
