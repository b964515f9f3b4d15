"""The state of the sandbox -> a page for a person: what the four vendors hold, and what they were asked."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

from aiohttp import web

from sync.sandbox.control import WORLD
from sync.sandbox.history import Entry
from sync.sandbox.style import CSS
from sync.sandbox.world import World

ROWS: Final = 25
REQUESTS: Final = 50


async def show(request: web.Request) -> web.Response:
    """`?vendor=` chooses whose customers are listed, `?page=` which of them."""
    world, vendor = request.app[WORLD], request.query.get("vendor", "sellercloud")
    number = request.query.get("page", "1")
    if vendor not in world.vendors or not number.isdecimal():
        raise web.HTTPNotFound
    sections = (_cards(world, vendor), _customers(world, vendor, max(1, int(number))), _requests(world), _faults(world))
    return web.Response(text=_document("".join((*sections, _switches(world)))), content_type="text/html")


def _document(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>customer-sync sandbox</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{CSS}</style></head><body><header>'
        "<h1>Sandbox</h1><p>Four vendors, simulated. What is written here reaches nobody.</p></header>"
        f"<main>{body}</main></body></html>"
    )


def _cards(world: World, chosen: str) -> str:
    return f'<nav class="cards">{"".join(_card(world, vendor, chosen) for vendor in world.vendors)}</nav>'


def _card(world: World, vendor: str, chosen: str) -> str:
    counts = {name: world.history.counts[vendor, name] for name in ("requests", "applied", "errors")}
    numbers = {"customers": len(world.vendors[vendor].shelf), **counts}
    current = ' aria-current="page"' if vendor == chosen else ""
    terms = "".join(f"<div><dt>{name}</dt><dd>{number:,}</dd></div>" for name, number in numbers.items())
    prefix = escape(world.vendors[vendor].prefix)
    return f'<a href="/?vendor={vendor}"{current}><h2>{vendor}</h2><code>{prefix}</code><dl>{terms}</dl></a>'


def _customers(world: World, vendor: str, number: int) -> str:
    shelf = world.vendors[vendor].shelf
    rows = [
        (f"<code>{escape(held.id)}</code>", _values(held.values), str(held.version), f"{held.modified:%H:%M:%S}")
        for held in shelf.some((number - 1) * ROWS, ROWS)
    ]
    pages = max(1, -(-len(shelf) // ROWS))
    links = [
        f'<a href="/?vendor={vendor}&amp;page={other}">{text}</a>'
        for other, text in ((number - 1, "earlier"), (number + 1, "later"))
        if 1 <= other <= pages
    ]
    title = f"Customers of {vendor} <small>page {number} of {pages} {' '.join(links)}</small>"
    return _section(title, ("id", "fields", "writes", "changed (UTC)"), rows, "Nobody yet.")


def _values(values: Mapping[str, Any]) -> str:
    items = (f"<span><b>{escape(name)}</b> {_value(name, value)}</span>" for name, value in _leaves(values))
    return f'<div class="values">{"".join(items)}</div>'


def _value(name: str, value: object) -> str:
    return "***" if name.endswith("password") else escape(value if isinstance(value, str) else repr(value)) or "<i>empty</i>"


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _requests(world: World) -> str:
    entries = world.history.last(REQUESTS)
    rows = [
        (
            str(entry.sequence),
            entry.vendor,
            f"<code>{escape(entry.method)} {escape(entry.path)}</code>",
            f"<code>{escape(entry.body[:300])}</code>",
            _ending(entry),
            escape(entry.fault or ""),
        )
        for entry in entries
    ]
    return _section(
        "Requests <small>the latest first</small>", ("#", "vendor", "what", "body", "answer", "fault"), rows, "None yet."
    )


def _ending(entry: Entry) -> str:
    if entry.status is None or entry.finished is None:
        return "in flight"
    kind = "bad" if entry.error else "good"
    spent = (entry.finished - entry.received) * 1000
    return f'<span class="{kind}">{entry.status or "cut"}</span> {"applied, " if entry.applied else ""}{spent:.1f} ms'


def _faults(world: World) -> str:
    rows = [
        (escape(active.fault.fault), escape(active.fault.vendor or "any"), str(active.played), str(active.fault.times or "any"))
        for active in world.faults.active
    ]
    return _section("Faults <small>POST /_sandbox/faults</small>", ("fault", "vendor", "played", "times"), rows, "None set.")


def _switches(world: World) -> str:
    rows = []
    for name, switch in world.switches.table.items():
        value, allowed = world.switches[name], switch.values
        shown = f"<mark>{escape(str(value))}</mark>" if value != switch.default else escape(str(value))
        choices = allowed if isinstance(allowed, str) else ", ".join(map(str, allowed))
        rows.append((f"<code>{escape(name)}</code>", shown, escape(choices), escape(switch.about)))
    title = "Switches <small>PUT /_sandbox/switches; marked: not as by default</small>"
    return _section(title, ("switch", "value", "allowed", "what it decides"), rows, "")


def _section(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], nothing: str) -> str:
    """Title, heads and cells are markup already."""
    if not rows:
        return f"<section><h2>{title}</h2><p>{nothing}</p></section>"
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<section><h2>{title}</h2><div class="scroll">{table}</div></section>'
