"""Runs -> a list of them, and one with its outcomes, the fields that it changed and what it told whom."""

from aiohttp import web

from sync.model import Numbered, Outcome, Run, Wanted
from sync.reports.listings import ORDER, status_tree
from sync.reports.masking import mask_episode
from sync.service.dashboard.charts import shares
from sync.service.dashboard.desk import HOUSE
from sync.service.dashboard.paper import asked, page

RUNS = 50
EPISODES = 50


async def runs(request: web.Request) -> web.Response:
    """`?before=` is the run behind which the list goes on."""
    before = asked(request, {"before": ""})["before"]
    house = request.app[HOUSE]
    found = house.live(await house.lists.page(before, RUNS + 1))
    return page(request, "runs.html", runs=found[:RUNS], more=len(found) > RUNS, before=before)


async def run(request: web.Request) -> web.Response:
    """`?target=` and `?outcome=` narrow what it told; `?after=` is where the list goes on."""
    house, wants = request.app[HOUSE], asked(request, {"target": "", "outcome": "", "customer": "", "after": ""})
    found = await _run(request)
    wanted = Wanted(target=wants["target"], outcome=wants["outcome"], customer=wants["customer"])
    told = await house.lists.told_by(found.run, wanted, _place(wants["after"]), EPISODES + 1)
    show = mask_episode if house.at_work.mask else lambda episode: episode
    return page(
        request,
        "run.html",
        run=found,
        outcomes=[name for name in ORDER if any(name in counts for counts in found.report.get("targets", {}).values())],
        fields={target: shares(counts) for target, counts in (await house.lists.fields(found.run)).items()},
        told=[show(one.episode) for one in told[:EPISODES]],
        following=_following(told[EPISODES - 1]) if len(told) > EPISODES else "",
        wants=wants,
        every=[outcome.value for outcome in Outcome],
    )


async def report(request: web.Request) -> web.Response:
    """The run as `status --json` has it."""
    found = await _run(request)
    tree = status_tree([], {}, None, [found])["runs"][0]
    return web.json_response({"format": 1, **tree})


async def _run(request: web.Request) -> Run:
    house = request.app[HOUSE]
    found = await house.lists.run(request.match_info["run"])
    if found is None:
        raise web.HTTPNotFound(text="there is no such run, or not any more\n")
    return house.live([found])[0]


def _following(told: Numbered) -> str:
    return f"{told.episode.target}/{told.number}/{told.episode.customer}"


def _place(text: str) -> tuple[str, str, int]:
    target, _, rest = text.partition("/")
    number, _, customer = rest.partition("/")
    return target, customer, int(number) if number.isascii() and number.isdecimal() and len(number) < len(str(2**63)) else 0
