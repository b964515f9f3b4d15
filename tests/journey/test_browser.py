"""The dashboard in a browser: every page and action, by day, by night and on a phone, with and without JavaScript."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.accounts import VENDORS
from tests.journey.conftest import Place
from tests.journey.test_serve import Service, serving, until

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium: apt-get install chromium"),
]
NASTY = "<script>alert(1)</script>"
PHONE = {"width": 390, "height": 800}
DESK = {"width": 1200, "height": 900}
SERVICE = '[service]\nusername = "ann"\npassword = "correct horse"\ntoken = "a-token-of-some-length"\n'
FIELDS = {
    "rpm": 'Name = "Name"',
    "sellercloud": 'Name = "Name"\nEmail = "Email"\nRating = "Rating"',
    "sparklayer": 'first_name = "Name"',
    "webcommander": '[fields.customer]\nfirst_name = "Name"\npassword = "Note"',
}
TROUBLES = """() => {
  const told = [], linear = (share) => share <= .03928 ? share / 12.92 : ((share + .055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => {
    const part = (value) => linear(value / 255);
    return .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
  };
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
  };
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [luminance(colour(getComputedStyle(element).color)), luminance(ground(element))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) told.push(`contrast ${ratio.toFixed(1)}: ${element.textContent.trim().slice(0, 40)}`);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select"))
    if (!field.labels.length && !field.ariaLabel) told.push(`no label: ${field.name}`);
  for (const table of document.querySelectorAll("table"))
    if (!table.querySelector("th[scope]")) told.push("a table without headers");
  for (const name of ["main", "h1"]) if (document.querySelectorAll(name).length !== 1) told.push(`not one ${name}`);
  for (const id of [...document.querySelectorAll("[id]")].map((element) => element.id))
    if (document.querySelectorAll(`[id="${CSS.escape(id)}"]`).length > 1) told.push(`twice: #${id}`);
  if (document.documentElement.scrollWidth > innerWidth) told.push(`as wide as ${document.documentElement.scrollWidth}`);
  if (!document.documentElement.lang || !document.title) told.push("no language, or no title");
  return told;
}"""


class Tab:
    """One page of a browser, with what its console said."""

    def __init__(self, context: Any, url: str) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.url = url
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("a dialog"), dialog.dismiss()))

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    def read(self, path: str) -> str:
        """What stands there now."""
        self.go(path)
        return str(self.page.locator("main").inner_text())

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def shows(self, *texts: str) -> None:
        """Waits for them."""
        for text in texts:
            api.expect(self.page.locator("body")).to_contain_text(text, timeout=20_000)

    def log_in(self) -> None:
        self.go("/")
        self.page.get_by_label("Name", exact=True).fill("ann")
        self.page.get_by_label("Password").fill("correct horse")
        self.page.get_by_role("button", name="Log in", exact=True).click()
        self.shows("Overview")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def service(shop: Place) -> Iterator[Service]:
    """Four targets that have told everybody but one, who does not fit."""
    shop.sql(
        f"UPDATE customers SET Name = '{NASTY}', Email = '=cmd()' WHERE Id = 1", "UPDATE customers SET Rating = 99 WHERE Id = 5"
    )
    shop.config(*VENDORS)
    shop.write("config/sync.toml", SERVICE + (shop.folder / "config/sync.toml").read_text())
    for vendor in VENDORS:
        gate = "\n[gates]\nmax_field_changed = { Email = 4 }" if vendor == "sellercloud" else ""
        shop.target(vendor, FIELDS[vendor], head='id = "Id"\nevery = "1s"', tail=gate)
    with serving(shop) as running:
        until(lambda: all(len(shop.sandbox.holds(vendor)) >= 5 for vendor in VENDORS), "everybody is known")
        yield running


def tab(chromium: Any, service: Service, **how: Any) -> Tab:
    context = chromium.new_context(**{"viewport": DESK} | how)
    return Tab(context, service.said("service.started")[0]["url"])


def test_a_person_finds_their_way(chromium: Any, service: Service, shop: Place) -> None:
    here = tab(chromium, service)
    here.log_in()
    for vendor in VENDORS:
        here.shows(vendor)

    here.press("Pause: sellercloud")
    here.shows("Paused: it runs only when asked to.")
    shop.sql("UPDATE customers SET Name = 'Ana Souza', Email = 'ana@example.org' WHERE Id = 4")
    here.page.get_by_role("link", name="Plan", exact=True).click()
    here.press("Make the plan")
    here.shows("The plan was made. Nothing was sent.")
    here.page.get_by_role("link", name="sellercloud: 1 to update").click()
    here.shows("Ana Souza", "1 request")
    here.page.get_by_role("link", name="The whole report").click()
    here.shows("Ana Souza", "Nothing on this page has been sent.")
    here.go("/")
    here.press("Run now: sellercloud")
    here.shows("It runs as soon as it is free.")
    until(lambda: "Ana Souza" in str(shop.sandbox.bodies("sellercloud").get("4")), "it is told")
    here.press("Resume: sellercloud")
    here.shows("Resumed: it runs by its schedule again.")

    here.page.get_by_role("link", name="Out of step").click()
    here.page.get_by_label("Outcome").select_option("rejected")
    here.press("Filter")
    here.shows("1 customer", "Rating")
    shop.sql("UPDATE customers SET Rating = 5 WHERE Id = 5")
    here.page.get_by_label("Choose customer 5 of sellercloud").check()
    here.press("Retry those chosen")
    here.shows("To be tried again")

    here.page.get_by_label("Customer's key").fill("1")
    here.press("Show")
    here.shows(NASTY, "=cmd()", "***", "At its source: crm")
    here.page.get_by_text("History").first.click()
    here.page.get_by_role("link", name="run 2").first.click()
    here.shows("Changes by field", "Who was told what", NASTY)
    here.press("Log out")
    here.shows("Password")
    here.go("/runs")
    here.shows("Password")
    assert here.said == []


def test_what_a_gate_holds_is_released(chromium: Any, service: Service, shop: Place) -> None:
    here = tab(chromium, service)
    here.log_in()
    shop.sql("UPDATE customers SET Email = 'new' || Id || '@example.org' WHERE Id <> 5")
    until(lambda: "holds" in here.read("/out-of-step?outcome=held"), "they are held")
    here.page.locator("summary", has_text="Release").first.click()
    here.press("Release 5 customers")
    here.shows("Let through")
    until(lambda: "new4@example.org" in str(shop.sandbox.bodies("sellercloud").get("4")), "it is told")
    assert here.said == []


def test_a_page_that_is_open_follows_what_happens(chromium: Any, service: Service, shop: Place) -> None:
    here = tab(chromium, service)
    here.log_in()
    runs = here.page.locator(".runs tbody tr")
    api.expect(runs.first).to_be_visible()
    before = runs.first.inner_text()
    shop.sql("UPDATE customers SET Name = 'Bea' WHERE Id = 2")
    here.page.wait_for_function("(before) => document.querySelector('.runs tbody tr').innerText !== before", arg=before)
    assert here.said == []


def test_the_page_of_a_run_follows_it_to_its_end_and_leaves_what_is_being_filled_in(
    chromium: Any, service: Service, shop: Place
) -> None:
    here = tab(chromium, service)
    here.log_in()
    shop.sandbox.fault(fault="slow", seconds=2, vendor="rpm", times=None)
    shop.sql("UPDATE customers SET Name = Name || ' & Co'")
    api.expect(here.page.locator(".runs tbody tr").first).to_contain_text("under way", timeout=20_000)
    here.page.locator(".runs tbody a").first.click()
    here.shows("under way")
    here.page.get_by_label("Customer", exact=True).fill("so far")
    api.expect(here.page.locator("#figures")).to_contain_text("delivered", timeout=20_000)
    shop.sandbox.mend()
    api.expect(here.page.locator("#figures")).not_to_contain_text("under way", timeout=30_000)
    assert here.page.evaluate("document.activeElement.name") == "customer"
    assert here.page.get_by_label("Customer", exact=True).input_value() == "so far"
    assert here.page.locator("[data-live]").count() == 0
    assert here.said == []


def test_who_is_in_step_again_leaves_the_list_but_not_while_somebody_is_being_chosen(
    chromium: Any, service: Service, shop: Place
) -> None:
    shop.sandbox.fault(vendor="rpm", fault="status", status=500, times=None)
    shop.sql("UPDATE customers SET Name = 'Bea' || Id WHERE Id IN (2, 3)")
    here = tab(chromium, service)
    here.log_in()
    until(lambda: "customers" in here.read("/out-of-step?target=rpm"), "both are out of step")
    chosen = here.page.get_by_label("Choose customer 2 of rpm")
    chosen.check()
    shop.sandbox.mend()
    until(lambda: all(name in str(shop.sandbox.holds("rpm")) for name in ("Bea2", "Bea3")), "it is told")
    here.page.wait_for_timeout(4000)  # longer than it takes to load anew
    assert chosen.is_checked()
    here.page.get_by_label("Text").fill("some")
    chosen.uncheck()
    shop.sql("UPDATE customers SET Name = 'Bee' WHERE Id = 3")  # something happens
    here.shows("Nobody matches")
    assert here.page.get_by_label("Text").input_value() == "some"
    assert here.said == []


def test_the_page_of_a_customer_follows_and_what_was_opened_stays_open(chromium: Any, service: Service, shop: Place) -> None:
    here = tab(chromium, service)
    here.log_in()
    here.go("/customer?key=5")
    here.shows("rejected")
    here.page.locator("#history-rpm summary").first.click()
    shop.sql("UPDATE customers SET Rating = 5 WHERE Id = 5")
    api.expect(here.page.locator("main")).not_to_contain_text("rejected", timeout=30_000)
    assert here.page.locator("#history-rpm").evaluate("(part) => part.open")
    assert here.said == []


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", DESK), ("light", PHONE), ("dark", PHONE)])
def test_every_page_can_be_read_and_used(
    chromium: Any, service: Service, scheme: str, size: dict[str, int], script: bool
) -> None:
    here = tab(chromium, service, color_scheme=scheme, viewport=size, java_script_enabled=script)
    here.go("/login")
    found = {"/login": troubles(here, script)}
    here.log_in()
    here.go("/plan")
    here.press("Make the plan")
    here.go("/runs")
    run = here.page.locator(".runs a").first.get_attribute("href")
    for path in (
        "/",
        "/runs",
        run,
        "/out-of-step",
        "/customer?key=1",
        "/customer?key=5",
        "/plan",
        "/plan?target=sellercloud&kind=update",
    ):
        here.go(path)
        found[path] = troubles(here, script)
    assert {path: told for path, told in found.items() if told} == {}
    assert here.said == []


def troubles(here: Tab, script: bool) -> list[str]:
    """What keeps somebody from reading or using a page."""
    return list(here.page.evaluate(TROUBLES)) if script else []
