"""The report for a browser, as far as it can be read without one."""

import hashlib
import io
import json
import re
from base64 import b64encode
from html.parser import HTMLParser
from typing import Any

import pytest

from sync.errors import FieldError
from sync.model import UNKNOWN, Change, Foreign, Held, Identity, Pending, Rejection, Request, TargetPlan, Update
from sync.reports.html import Html, HtmlPolicy

WILD = "</script><script>alert(1)</script><!-- & $entries ${x} \u202e"


class Page(HTMLParser):
    """Elements as (name, attributes), and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.raw.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.raw[-1] += data


def update(customer: str, *changes: Change) -> Update:
    body = {change.field: change.after for change in changes}
    request = Request("PUT", f"https://x.test/{len(customer)}", body)
    return Update(customer, Identity("4711"), 1, changes, {}, (request,))


def written(*entries: Update | Rejection | Held, policy: HtmlPolicy | None = None, target: str = "crm") -> str:
    counts = [sum(isinstance(entry, kind) for entry in entries) for kind in (Update, Rejection, Held)]
    out = io.StringIO()
    plan = TargetPlan(target, counts[0], 9, 5, counts[1], counts[2], {"Email": 9, WILD: 1}, 1, lambda: iter(entries))
    Html(policy).write(WILD, [plan], out)
    return out.getvalue()


def listed(text: str) -> list[dict[str, Any]]:
    _, entries, _ = Page(text).raw
    found: list[dict[str, Any]] = json.loads(entries)
    return found


@pytest.fixture(scope="module")
def wild() -> str:
    change = Change(WILD, WILD, f"{WILD}!", (WILD,))
    rejection = Rejection(Pending(WILD, 1), (FieldError(WILD, WILD),))
    return written(update(WILD, change), rejection, Held(update(WILD, change), WILD, WILD), target=WILD)


def test_no_text_becomes_an_element(wild: str) -> None:
    scripts = [attributes for name, attributes in Page(wild).elements if name == "script"]
    assert scripts == [{"type": "application/json", "id": "entries"}, {}]
    assert wild.count("<!--") == 0


def test_nothing_is_fetched(wild: str) -> None:
    attributes = {name for _, found in Page(wild).elements for name in found}
    assert attributes.isdisjoint({"src", "href", "action", "style", "onclick", "srcset"})
    assert "@import" not in wild
    assert "url(" not in wild


def test_only_the_pages_own_script_and_style_may_run(wild: str) -> None:
    page = Page(wild)
    style, _, script = page.raw
    policy = next(found["content"] for _, found in page.elements if found.get("http-equiv") == "Content-Security-Policy")
    assert policy == (
        f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; base-uri 'none'; form-action 'none'"
    )


def test_every_part_of_the_page_that_the_script_asks_for_is_there(wild: str) -> None:
    asked = set(re.findall(r'find\("([\w-]+)"\)', wild))
    assert asked <= {found.get("id") for _, found in Page(wild).elements}


def test_whoever_needs_attention_comes_first() -> None:
    change = Change("Email", "anna@x.org", "anne@x.org", ("Mail",))
    rejection = Rejection(Pending("9", 1), (FieldError("Rating", "too high"),))
    request = ["PUT https://x.test/1", '{"Email":"anne@x.org"}']
    marked = [["Email", ['"ann', "a", '@x.org"'], ['"ann', "e", '@x.org"'], "Mail"]]
    told = {"target": "crm", "id": "id 4711", "changes": marked, "requests": [request]}
    assert listed(written(update("7", change), rejection, Held(update("6", change), "gate", "gate: many"))) == [
        {"target": "crm", "outcome": "rejected", "customer": "9", "errors": [["Rating", "too high"]]},
        told | {"outcome": "held", "reason": "gate: many", "customer": "6"},
        told | {"outcome": "update", "customer": "7"},
    ]


def test_whoever_needs_attention_comes_before_the_updates_of_every_target() -> None:
    def plan(target: str) -> TargetPlan:
        entries = (update("7", Change("N", 1, 2)), Rejection(Pending("9", 1), ()), Foreign(Pending("8", 1), left=True))
        return TargetPlan(target, 1, 1, 0, 1, 0, {"N": 1}, 1, lambda: iter(entries), 1)

    out = io.StringIO()
    Html().write("p1", [plan("north"), plan("south")], out)
    assert [(entry["outcome"], entry["target"], entry["customer"]) for entry in listed(out.getvalue())] == [
        (outcome, target, customer)
        for outcome, customer in (("rejected", "9"), ("left", "8"), ("update", "7"))
        for target in ("north", "south")
    ]


def test_values_without_a_mark_are_plain_text() -> None:
    assert listed(written(update("7", Change("Fax", UNKNOWN, None))))[0]["changes"] == [["Fax", "unknown", "null", ""]]


def test_a_long_list_is_cut_and_the_page_says_so() -> None:
    shown = written(*(update(str(number), Change("N", 1, 2)) for number in range(5)), policy=HtmlPolicy(limit=3, requests=False))
    assert [entry["customer"] for entry in listed(shown)] == ["0", "1", "2"]
    assert "the first 3 of 5 updates are listed" in shown
    assert "requests" not in listed(shown)[0]


def digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
