"""A plan -> JSON in the shape of the public contract, format 1, written entry by entry."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, TextIO

import orjson

from sync.model import ABSENT, Change, Held, Outcome, Rejection, Request, TargetPlan, Told, Tripped, Update, dumps, words
from sync.ports import Report
from sync.reports.wording import ended, entries, how_many, leavers, title

FORMAT = 1


class Json(Report):
    """What a program reads. The bodies of requests are, byte for byte, those that are sent (secrets as `***`)."""

    def write(self, plan: str, targets: Sequence[TargetPlan], out: TextIO) -> None:
        """One object; long lists have an entry a line."""
        out.write(f'{{"format": {FORMAT}, {_text(title(targets).lower())}: {_text(plan)}, "targets": {{')
        for number, target in enumerate(targets):
            out.write(("," if number else "") + f"\n{_text(target.target)}: {{")
            if target.outcomes is None:
                _list(out, "updates", (update_tree(entry) for entry in entries(target, Update)), target.updates)
            for name in (Outcome.DELIVERED, Outcome.DEFERRED, Outcome.UNKNOWN) if target.outcomes is not None else ():
                _list(out, name.value, map(_told, ended(target, name)), how_many(target, name))
            out.write(f'\n"unchanged": {target.unchanged},')
            rejected = chain(map(_told, ended(target, Outcome.REJECTED)), map(_rejection, entries(target, Rejection)))
            _list(out, "rejected", rejected, target.rejected + how_many(target, Outcome.REJECTED))
            _list(out, "held", (_held(entry) for entry in target.entries() if isinstance(entry, Held)), target.held)
            left = ({"customer": customer, "reason": why} for customer, why in leavers(target))
            _list(out, "left", left, target.left)
            out.write(f'\n"gates": {_text([gate_tree(tripped) for tripped in target.gates])},')
            out.write(f'\n"fields": {_text(target.fields)},\n"estimate": {_text(_estimate(target))}}}')
        out.write("\n}}\n")


def update_tree(update: Update) -> dict[str, Any]:
    """One update in the shape of the contract; `"gone": true` where it tells that the customer is gone from the source."""
    return {
        "customer": update.customer,
        "id": update.identity.value,
        **({"gone": True} if update.gone else {}),
        "changes": [_change(change) for change in update.changes],
        "requests": [_request(request) for request in update.requests],
    }


def _told(told: Told) -> dict[str, Any]:
    """An update with how it ended."""
    tree = update_tree(told.update)
    return {**tree, "reason": told.reason, "errors": words(told.errors)} if told.outcome is not Outcome.DELIVERED else tree


def gate_tree(tripped: Tripped) -> dict[str, Any]:
    """One gate that has tripped: `{"gate", "limit", "figure", "reason", "examples"}`; where it is on a field `field`, `value`."""
    return {
        "gate": tripped.gate,
        **({"field": tripped.field} if tripped.field else {}),
        "limit": tripped.limit,
        "figure": tripped.figure,
        "reason": tripped.reason,
        **({} if tripped.value is ABSENT else {"value": tripped.value}),
        "examples": [_example(example) for example in tripped.examples],
    }


def _example(example: Update | Rejection) -> dict[str, Any]:
    if isinstance(example, Rejection):
        return _rejection(example)
    changes = [_change(change) for change in example.changes]
    return {"customer": example.customer, "id": example.identity.value, "changes": changes}


def _estimate(target: TargetPlan) -> dict[str, Any]:
    """`requests` and `seconds` are this target's own; where the plan is whole, also what they mean for its account."""
    own = {"requests": target.requests, "seconds": round(target.seconds, 1)}
    estimate = target.estimate
    if estimate is None:
        return own
    return own | {
        "account": estimate.account,
        "ends_after": None if estimate.end is None else round(estimate.end, 1),
        "quotas": [{"quota": one.quota, "left": one.left, "waiting": one.waiting} for one in estimate.allowances],
        "next_run_after": None if estimate.due is None else round(estimate.due, 1),
        "ends_before_next_run": estimate.in_time,
    }


def _change(change: Change) -> dict[str, Any]:
    before = {} if change.before is ABSENT else {"before": change.before}
    return {"field": change.field, **before, "after": change.after, "from": list(change.sources)}


def _request(request: Request) -> dict[str, Any]:
    content = request.content()
    return {"method": request.method, "url": request.url, "body": orjson.Fragment(content) if content else None}


def _rejection(entry: Rejection) -> dict[str, Any]:
    return {"customer": entry.customer, "errors": words(entry.errors)}


def _held(entry: Held) -> dict[str, Any]:
    return {**update_tree(entry.update), "gate": entry.gate, "reason": entry.reason}


def _list(out: TextIO, name: str, trees: Iterable[dict[str, Any]], count: int) -> None:
    """Reads the plan once more, unless there is nothing to find."""
    out.write(f'\n"{name}": [')
    out.writelines((",\n  " if number else "\n  ") + _text(tree) for number, tree in enumerate(trees if count else ()))
    out.write("],")


def _text(tree: object) -> str:
    return dumps(tree).decode()
