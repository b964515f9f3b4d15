"""An explanation -> text for a person, a tree of JSON for a program."""

from typing import Any

import orjson

from sync.model import ABSENT, UNKNOWN, Episode, Explanation, Request, Step, dumps
from sync.reports.listings import failures_tree, stamp

FORMAT = 1


def explanation_tree(explanation: Explanation) -> dict[str, Any]:
    """`{"format": 1, "target", "customer", "id", "fields": [...], "failure", "planned": [...], "history": [...]}`."""
    failure = explanation.failure
    return {
        "format": FORMAT,
        "target": explanation.target,
        "customer": explanation.customer,
        "id": explanation.id,
        "note": explanation.note,
        "fields": [_step(step) for step in explanation.steps],
        "failure": failures_tree([failure])["failures"][0] if failure else None,
        "planned": [_request(request) for request in explanation.planned],
        "history": [_episode(episode) for episode in explanation.history],
    }


def _step(step: Step) -> dict[str, Any]:
    known = {"record": step.record, "acknowledged": step.acknowledged}
    return {
        "field": step.field,
        "from": {name: _plain(value) for name, value in step.sources.items()},
        "map": step.rule,
        **{name: value for name, value in known.items() if value is not ABSENT},
        **({"error": step.error} if step.error else {}),
    }


def _plain(value: Any) -> Any:
    """A source's value may be of a kind that JSON does not have."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else value


def _request(request: Request) -> dict[str, Any]:
    content = request.content()
    return {"method": request.method, "url": request.url, "body": orjson.Fragment(content) if content else None}


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "run": episode.run,
        "at": stamp(episode.at),
        "outcome": episode.outcome.value,
        "reason": episode.reason,
        "attempts": episode.attempts,
        "status": episode.status,
        "changes": [
            {"field": change.field, **({} if change.before is ABSENT else {"before": change.before}), "after": change.after}
            for change in episode.changes
        ],
        "requests": [
            {"method": method, "url": url, "body": orjson.Fragment(body) if body else None}
            for method, url, body in episode.requests
        ],
    }


def explanation_text(explanation: Explanation) -> str:
    """A block for each field, then what would be sent now, then what was sent before."""
    lines = [f"{explanation.target}  customer {explanation.customer}" + (f"  id {explanation.id}" if explanation.id else "")]
    if explanation.note:
        lines.append(f"  {explanation.note}")
    if explanation.failure:
        lines.append(f"  {explanation.failure.outcome.value}: {explanation.failure.reason}")
    for step in explanation.steps:
        lines += ["", f"  {step.field}", *_way(step)]
    lines += ["", "  now"]
    lines += [f"    {request.method} {request.url} {_body(request.content())}" for request in explanation.planned] or [
        "    nothing to send"
    ]
    for episode in explanation.history:
        lines += ["", f"  {episode.at.astimezone():%Y-%m-%d %H:%M:%S}  run {episode.run}", *_told(episode)]
    return "\n".join(lines)


def _way(step: Step) -> list[str]:
    lines = [f"    source        {name} = {_text(value)}" for name, value in step.sources.items()] or [
        "    source        nothing"
    ]
    lines.append(f"    map           {_text(step.rule)}")
    lines.append(f"    error         {step.error}" if step.error else f"    record        {_text(step.record)}")
    lines.append(f"    acknowledged  {_text(step.acknowledged)}")
    return lines


def _told(episode: Episode) -> list[str]:
    lines = [f"    {method} {url} {body}" for method, url, body in episode.requests]
    status = f" (status {episode.status})" if episode.status else ""
    lines.append(
        f"    {episode.outcome.value} after {episode.attempts}x{status}" + (f": {episode.reason}" if episode.reason else "")
    )
    return lines


def _text(value: Any) -> str:
    if value is ABSENT:
        return "not there"
    if value is UNKNOWN:
        return "unknown"
    return dumps(_plain(value)).decode()


def _body(content: bytes | None) -> str:
    return (content or b"").decode()
