"""Where things stand and who is out of step -> text for a person, a tree of JSON for a program."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sync.model import Alert, Failure, Outcome, Run, Standing, Tally, Tripped, words
from sync.reports.json import gate_tree

FORMAT = 1
MOST_NAMES = 12
ORDER = tuple(outcome.value for outcome in Outcome)
LEFT = "left"
"""Customers that are no longer the target's; the vendor keeps what it holds of them."""


Gates = Mapping[str, Sequence[Tripped]]
"""Those that have tripped, by target."""
NO_GATES: Gates = {}
DroppedFields = tuple[str, str, tuple[str, ...], str]
"""Target, customer, fields, reason."""


def run_tree(
    run: str,
    targets: Mapping[str, Mapping[str, int]],
    troubles: Sequence[str],
    dropped: Sequence[DroppedFields] = (),
    gates: Gates = NO_GATES,
) -> dict[str, Any]:
    """`{"format": 1, "run": ..., "targets": {NAME: {"delivered": 3, ...}}, "gates": {NAME: [...]}, "dropped", "troubles"}`."""
    trees = [
        {"target": target, "customer": customer, "fields": fields, "reason": why} for target, customer, fields, why in dropped
    ]
    tripped = {target: [gate_tree(one) for one in several] for target, several in gates.items()}
    told = {"gates": tripped, "dropped": trees, "troubles": list(troubles)}
    return {"format": FORMAT, "run": run, "targets": targets, **told}


def dropped_text(dropped: Sequence[DroppedFields]) -> str:
    """A line for each customer of whom something was planned and not sent."""
    lines = [f"  {target}  customer {customer}  {', '.join(fields)}: {why}" for target, customer, fields, why in dropped]
    return "\n".join(["", "", f"Dropped from the plan: {len(dropped)}", *lines]) if dropped else ""


def run_text(run: str, targets: Mapping[str, Mapping[str, int]], failures: Sequence[Failure]) -> str:
    """A line for each target, then who is out of step."""
    width = max(map(len, targets), default=0)
    lines = [f"run {run}"]
    for name, counts in targets.items():
        lines.append(f"  {name:<{width}}  {said(counts) or 'nothing to send'}")
    if failures:
        lines += ["", failures_text(failures, most=10)]
    return "\n".join(lines)


def failures_tree(failures: Sequence[Failure]) -> dict[str, Any]:
    """The shape of the public contract."""
    return {"format": FORMAT, "failures": [_failure(failure) for failure in failures]}


def _failure(failure: Failure) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "target": failure.target,
        "customer": failure.customer,
        "outcome": failure.outcome.value,
        "reason": failure.reason,
        "errors": words(failure.errors),
        "attempts": failure.attempts,
        "since": stamp(failure.since),
    }
    return tree | ({"due": stamp(failure.due)} if failure.due else {})


def failures_text(failures: Sequence[Failure], most: int | None = None) -> str:
    """Who is out of step, those with the same reason together."""
    if not failures:
        return "Nobody is rejected, held, deferred or unknown."
    groups: dict[tuple[str, str, str], list[Failure]] = {}
    for failure in failures:
        groups.setdefault((failure.target, failure.outcome.value, reasons(failure)), []).append(failure)
    lines = [f"Out of step: {len(failures)}"]
    for (target, outcome, why), members in list(groups.items())[:most]:
        noun = "customer" if len(members) == 1 else f"{len(members)} customers:"
        lines.append(f"  {target}  {outcome}  {noun} {_some(members)}  ({_history(members)})")
        lines += [f"      {line}" for line in why.split("\n")]
    if most is not None and len(groups) > most:
        lines.append(f"  ... and {len(groups) - most} more reasons: customer-sync failures")
    return "\n".join(lines)


def reasons(failure: Failure) -> str:
    """The reason is often nothing but what is wrong with the fields."""
    told = list(map(str, failure.errors))
    messages = [error.message for error in failure.errors]
    if failure.reason and failure.reason not in {*messages, "; ".join(messages), "; ".join(told[:3])}:
        told.insert(0, failure.reason)
    return "\n".join(told)


def _some(members: Sequence[Failure]) -> str:
    names = ", ".join(failure.customer for failure in members[:MOST_NAMES])
    return names if len(members) <= MOST_NAMES else f"{names}, ..."


def _history(members: Sequence[Failure]) -> str:
    since = min(failure.since for failure in members).astimezone()
    attempts = max(failure.attempts for failure in members)
    return f"since {since:%Y-%m-%d %H:%M}" + (f", tried {attempts}x" if attempts else "")


def status_tree(
    tallies: Sequence[Tally], accounts: Mapping[str, Standing], written: datetime | None, runs: Sequence[Run] = ()
) -> dict[str, Any]:
    """`{"format": 1, "written": ..., "targets": {NAME: {"known", "waiting", "rejected", ...}}, "accounts": {NAME: ...}, "runs"}`.

    `runs` are the last ones, newest first: `{"run", "started", "ended", "targets": {NAME: {OUTCOME: 3}}, "troubles": [...]}`,
    with `"interrupted": true` or `"undoes": RUN` where that is so; `ended` is null while it is under way.
    """
    targets = {
        tally.target: {"known": tally.known, "waiting": tally.waiting}
        | {outcome: tally.outcomes.get(outcome, 0) for outcome in ORDER if outcome not in {"delivered", "unchanged"}}
        for tally in tallies
    }
    tree = {"format": FORMAT, "written": written and stamp(written), "targets": targets, "accounts": _accounts(accounts)}
    return tree | {"runs": [_run(run) for run in runs]}


def _run(run: Run) -> dict[str, Any]:
    told = {"targets": {}, "troubles": []} | dict(run.report)
    return {"run": run.run, "started": stamp(run.started), "ended": run.ended and stamp(run.ended), **told}


def _accounts(accounts: Mapping[str, Standing]) -> dict[str, dict[str, Any]]:
    """Each with `state` well, unwell or stopped; with `reason`, and `until` where it is known."""
    trees: dict[str, dict[str, Any]] = {}
    for name, standing in accounts.items():
        if _is_stopped(standing):
            until = datetime.fromtimestamp(standing.stopped_until, UTC)
            trees[name] = {"state": "stopped", "reason": standing.reason, "until": stamp(until)}
        elif standing.reason and not standing.stopped_until:
            trees[name] = {"state": "unwell", "reason": standing.reason}
        else:
            trees[name] = {"state": "well"}
    return trees


def status_text(
    tallies: Sequence[Tally], accounts: Mapping[str, Standing], written: datetime | None, runs: Sequence[Run] = ()
) -> str:
    """A line for each target, the accounts that are stopped, and the last runs."""
    width = max((len(tally.target) for tally in tallies), default=0)
    lines = [f"state last written {written:%Y-%m-%d %H:%M:%S}" if written else "there is no state yet: nothing has run"]
    for tally in tallies:
        away = ", ".join(f"{count} {outcome}" for outcome, count in tally.outcomes.items())
        lines.append(f"  {tally.target:<{width}}  {tally.known} known, {tally.waiting} waiting" + (f"; {away}" if away else ""))
    for name, tree in _accounts(accounts).items():
        if tree["state"] != "well":
            until = f" until {tree['until']}" if "until" in tree else ""
            lines.append(f"  account {name} is {tree['state']}{until}: {tree['reason']}")
    lines += ["", "last runs", *map(_run_line, runs)] if runs else []
    return "\n".join(lines)


def _run_line(run: Run) -> str:
    """Its name, what it did, and how it ended where that was not well."""
    told = [f"{name} {said(counts)}" for name, counts in run.report.get("targets", {}).items() if counts]
    undoes = [f"undo of {run.report['undoes']}"] if "undoes" in run.report else []
    troubles = len(run.report.get("troubles", ()))
    ended = ["interrupted"] if run.report.get("interrupted") else ["under way"] if run.ended is None else []
    wrong = [f"{troubles} trouble" if troubles == 1 else f"{troubles} troubles"] if troubles else []
    return f"  {run.run}  {'; '.join([*undoes, *told, *wrong, *ended]) or 'nothing to send'}"


def said(counts: Mapping[str, int]) -> str:
    """`3 delivered, 1 rejected`; empty: nothing."""
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in (*ORDER, LEFT) if counts.get(outcome))


def _is_stopped(standing: Standing) -> bool:
    return standing.stopped_until > datetime.now(UTC).timestamp()


def stamp(moment: datetime) -> str:
    """A moment as the contract writes it: `2026-11-22T10:00:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def alerts_tree(alerts: Sequence[Alert]) -> dict[str, Any]:
    """For a program."""
    listed = [{"about": alert.about, "since": alert.since.isoformat(), "text": alert.text} for alert in alerts]
    return {"format": FORMAT, "alerts": listed}


def alerts_text(alerts: Sequence[Alert]) -> str:
    """For a person."""
    if not alerts:
        return "Nobody was told that anything is wrong."
    return "\n".join(f"{alert.since.astimezone():%Y-%m-%d %H:%M}  {alert.text}" for alert in alerts)
