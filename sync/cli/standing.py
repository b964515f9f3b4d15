"""Where customers stand with the targets: `status`, `failures` and `explain` tell it, `retry` and `release` let them go again."""

from typing import Annotated

import typer

from sync import loop
from sync.cli.flags import HERE, AsJson, Config, Targets
from sync.cli.logged import logged
from sync.errors import SyncError
from sync.model import dumps


def status(config: Config = HERE, as_json: AsJson = False) -> None:
    """Shows where each target stands.

    Example: [bold]customer-sync status --json[/bold]
    """
    from sync import app as parts
    from sync.reports.listings import status_text, status_tree
    from sync.settings import load

    state = loop.run(parts.standing(load(config)))
    told = state.tallies, state.accounts, state.written, state.runs
    print(dumps(status_tree(*told)).decode() if as_json else status_text(*told))


def failures(config: Config = HERE, target: Targets = None, as_json: AsJson = False) -> None:
    """Lists who is out of step with a target, why, and since when.

    Example: [bold]customer-sync failures --target rpm[/bold]
    """
    from sync import app as parts
    from sync.reports.listings import failures_text, failures_tree
    from sync.settings import load

    found = loop.run(parts.failures(load(config), target or []))
    print(dumps(failures_tree(found)).decode() if as_json else failures_text(found))


@logged("error")
def retry(
    customers: Annotated[list[str] | None, typer.Argument(metavar="CUSTOMER", help="Their keys; all if none is named.")] = None,
    config: Config = HERE,
    target: Targets = None,
    as_json: AsJson = False,
) -> None:
    """Lets customers that are rejected, held, deferred or unknown be tried again with the next run.

    Example: [bold]customer-sync retry --target rpm 7 9[/bold]
    """
    from sync import app as parts
    from sync.reports.wording import counted
    from sync.settings import load

    settings = load(config)
    waiting = {failure.customer for failure in loop.run(parts.failures(settings, target or []))}
    count = loop.run(parts.retry(settings, target or [], customers or []))
    print(
        dumps({"format": 1, "waiting": count}).decode()
        if as_json
        else f"{counted(count, 'customer')} will be tried again by the next run"
    )
    if strangers := [customer for customer in customers or () if customer not in waiting]:
        raise SyncError(
            f"not out of step, so not to be tried again: {', '.join(strangers)} (customer-sync failures lists who is)"
        )


@logged("error")
def release(
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    gate: Annotated[str, typer.Option(metavar="NAME", help="As it stands in \\[gates], such as max_cleared.")],
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="ID", help="Only what was held in this run or saved plan.")
    ] = None,
    config: Config = HERE,
    as_json: AsJson = False,
) -> None:
    """Lets what a gate holds now through this gate: the next run sends it. A later flood trips the gate again.

    Example: [bold]customer-sync release rpm --gate max_cleared[/bold]
    """
    from sync import app as parts
    from sync.reports.gates import released_text
    from sync.settings import load

    settings = load(config)
    found = loop.run(parts.release(settings, target, gate, plan))
    print(
        dumps({"format": 1, "released": found.customers, "still_held": found.still, "rows": found.rows}).decode()
        if as_json
        else released_text(target, gate, found)
    )


@logged("error")
def explain(
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's key in the source.")],
    field: Annotated[str | None, typer.Argument(metavar="FIELD", help="Only this field of the vendor.")] = None,
    config: Config = HERE,
    as_json: AsJson = False,
) -> None:
    """Says why the target holds this value: source, map, plan, request, reply.

    Example: [bold]customer-sync explain sellercloud 7 Email[/bold]
    """
    from sync import app as parts
    from sync.reports.explaining import explanation_text, explanation_tree
    from sync.settings import load

    found = loop.run(parts.explain(load(config), target, customer, field))
    print(dumps(explanation_tree(found)).decode() if as_json else explanation_text(found))
