"""The dashboard's pages: what they show, what they never show, and what their forms do."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync.errors import StateError
from sync.facts import RequestSent, UpdateSettled
from sync.model import Change, Filing, Numbered, Outcome, Run, Wanted
from sync.service.dashboard.charts import HEIGHT, sparkline
from sync.service.dashboard.customers import ROWS
from sync.service.dashboard.runs import RUNS, _following, _place
from tests.house import AT, FORMULA, NASTY, PASSWORD, PLACE, RUN, Visit, crowd, ended, remember, visited

ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", ["Overview", "east", "west", "behind", "not run yet", "1 rejected", "10,800 of 10800/h left"]),
        ("/runs", [RUN, "1 delivered", "1 rejected"]),
        (f"/runs/{RUN}", ["Changes by field", "Who was told what", ESCAPED, FORMULA, "Ann", "PUT https://tt.example"]),
        ("/out-of-step", ["1 customer", ESCAPED, 'value="east/2"']),
        ("/customer?key=1", [ESCAPED, FORMULA, "At its source: crm", "The target last acknowledged", "History: 1 update", "***"]),
        ("/customer?key=2", [FORMULA, "rejected", "Retry", "What would be sent now"]),
        ("/plan", ["What would be sent now", "Make the plan"]),
    ],
)
async def test_a_page_shows_what_it_is_for_as_text(path: str, says: list[str], tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await remember(visit.store)
        text = await visit.page(path)
    assert [one for one in says if one not in text] == []
    assert NASTY not in text
    assert PASSWORD not in text
    assert "secret-of-the-account" not in text


async def test_an_empty_service_has_pages_too(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        assert "Nothing has been sent yet" in await visit.page("/")
        assert "There are no runs yet" in await visit.page("/runs")
        assert "every customer is in step" in await visit.page("/out-of-step")
        for path in ("/customer?key=nobody", "/runs/nothing", "/nowhere"):
            async with visit.client.get(path, headers={"Accept": "text/html"}) as answer:
                assert (answer.status, "text/html" in answer.headers["Content-Type"]) == (404, True)


async def test_while_a_source_cannot_be_read_pages_show_what_is_remembered_and_what_cannot_be_told(
    tmp_path: Path,
) -> None:
    async with visited(tmp_path) as visit:
        await remember(visit.store)
        (tmp_path / "crm.sqlite").rename(tmp_path / "away.sqlite")
        known, unknown = await visit.page("/customer?key=1"), await visit.page("/customer?key=9")
        rejected = await visit.page("/customer?key=2")
        await visit.post("/plan")
        plan = await visit.page("/plan")
    assert [
        one for one in ("crm.sqlite is not there; what it should hold cannot be told", "History: 1 update") if one not in known
    ] == []
    assert "the same" not in known + rejected
    assert "whether there is one cannot be told" in unknown
    assert "No target knows" not in unknown
    assert unknown.count("crm.sqlite is not there") == 1
    assert "crm.sqlite is not there" in plan
    assert "Nobody" not in plan
    assert "No field changes" not in plan


async def test_a_run_that_waits_for_a_source_to_be_read_again_is_not_shown_in_the_past(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        visit.house.engine.lines["crm"].failed(datetime.now(UTC), "sources.crm: gone")
        text = await visit.page("/")
    assert "<dt>next run</dt><dd><time" in text
    assert ">in 5 s<" in text or ">in 4 s<" in text


async def test_who_is_out_of_step_is_listed_page_by_page_and_everybody_once(tmp_path: Path) -> None:
    everybody = [f"{number:05}" for number in range(2 * ROWS + 7)]
    async with visited(tmp_path) as visit:
        await remember(visit.store)
        await crowd(visit.store, everybody)
        seen, path = [], "/out-of-step?outcome=rejected"
        while path:
            text = await visit.page(path)
            rows = [part.partition('"')[0] for part in text.split('name="who" value="east/')[1:]]
            assert len(rows) <= ROWS
            seen += rows
            path = text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        assert seen == [*everybody, "2"]
        assert f"{len(everybody) + 1} customers" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("target=east", ["1%", "2"]),
        ("target=west", []),
        ("outcome=held", ["1%"]),
        ("text=%25", ["1%"]),
        ("text=_", []),
        ("text=SCRIPT", ["2"]),
        ("text='; drop table pending; --", []),
        ("target=nobody&outcome=nothing", []),
        ("after=east/1%25", ["2"]),
        ("after=nonsense", []),
    ],
)
async def test_the_list_is_narrowed_by_target_outcome_and_text(query: str, found: list[str], tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await remember(visit.store)
        await crowd(visit.store, ["1%"], Outcome.HELD)
        text = await visit.page(f"/out-of-step?{query}")
    assert [part.partition('"')[0] for part in text.split('name="who" value="east/')[1:]] == found


async def test_what_a_run_told_is_narrowed_and_its_fields_are_counted(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await remember(visit.store)
        assert await visit.house.lists.fields(RUN) == {"east": {"Email": 1, "Name": 1}}
        assert ESCAPED not in await visit.page(f"/runs/{RUN}?outcome=rejected")
        assert ESCAPED not in await visit.page(f"/runs/{RUN}?target=west")
        assert ESCAPED in await visit.page(f"/runs/{RUN}?target=east&outcome=delivered&customer=1")
        assert ESCAPED not in await visit.page(f"/runs/{RUN}?after=east/9/1")
        async with visit.client.get(f"/runs/{RUN}/report") as answer:
            assert (await answer.json())["targets"] == {"east": {"delivered": 1, "rejected": 1}}


async def test_a_target_is_paused_resumed_and_asked_to_run(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        turn = visit.house.engine.turns["east"]
        assert (await visit.post("/targets/east/pause"), turn.paused) == (303, True)
        assert "paused" in await visit.page("/")
        assert (await visit.post("/targets/east/resume"), turn.paused) == (303, False)
        assert (await visit.post("/targets/east/run"), turn.asked) == (303, True)
        assert await visit.post("/targets/nobody/run") == 404
        assert not visit.house.engine.turns["west"].asked


async def test_those_who_are_chosen_are_tried_again_and_nobody_else(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await remember(visit.store)
        await crowd(visit.store, ["7", "8"])
        assert await visit.post("/retry", who="east/7") == 303
        assert await listed(visit) == ["2", "8"]
        assert await visit.post("/retry", who="nobody/8") == 404
        assert await visit.post("/retry") == 303
        assert await listed(visit) == ["2", "8"]
        assert await visit.post("/retry", target="east") == 303
        assert await listed(visit) == []


async def listed(visit: Visit) -> list[str]:
    return [failure.customer for failure in await visit.store.failures()]


async def test_a_plan_is_made_when_asked_for_and_nothing_of_it_is_written(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await remember(visit.store)
        before = await visit.store.tally()
        assert await visit.post("/plan") == 303
        text = await visit.page("/plan?target=west&kind=update")
        assert [one for one in (ESCAPED, FORMULA, "***", "password", "PUT https://shop.example") if one not in text] == []
        assert [one for one in (NASTY, PASSWORD) if one in text] == []
        report = await visit.page("/plan/report")
        assert [one for one in (NASTY, PASSWORD) if one in report] == []
        assert "FIRST_NAME" in report.upper()
        assert await visit.store.tally() == before
        assert await visit.post("/plan", target="nobody") == 404


async def test_with_mask_no_value_is_shown_anywhere(tmp_path: Path) -> None:
    async with visited(tmp_path, "mask = true") as visit:
        await remember(visit.store)
        await visit.post("/plan")
        for path in (f"/runs/{RUN}", "/customer?key=1", "/customer?key=3", "/plan?target=east", "/plan/report"):
            text = await visit.page(path)
            assert [one for one in ("alert(1)", "cmd()", "example.org", PASSWORD) if one in text] == [], path
            assert "Email" in text


async def test_what_nobody_expected_is_told_without_its_words(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await remember(visit.store)
        await visit.store.log_run("bad", AT, AT, {"targets": {NASTY: 5}})
        async with visit.client.get("/runs/bad", headers={"Accept": "text/html"}) as answer:
            assert (answer.status, "alert(1)" in await answer.text()) == (500, False)


async def test_the_state_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        visit.store._connection.execute("DROP TABLE runs")  # type: ignore[attr-defined]
        async with visit.client.get("/runs", headers={"Accept": "text/html"}) as answer:
            assert (answer.status, "state.db" in await answer.text()) == (503, True)


async def test_a_page_that_listens_is_told_when_something_moves(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit, visit.client.get("/events") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert await stream.content.readline() == b": hello\n"
        visit.house.service.recent.noted(UpdateSettled("east", Outcome.DELIVERED, 1, 2.0))
        assert [await stream.content.readline() for _ in range(2)] == [b"\n", b"event: moved\n"]


async def test_pace_and_lag_are_those_of_the_last_minute(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        recent = visit.house.service.recent
        for _ in range(90):
            recent.noted(RequestSent("east", "PUT", "200", 0.0, 0.1))
        recent.noted(UpdateSettled("east", Outcome.DELIVERED, 1, 12.0))
        text = await visit.page("/")
    assert "90/min, 50 % of 3/s" in text
    assert "last change took 12 s" in text


def test_a_sparkline_shows_what_went_wrong_however_little() -> None:
    runs = [
        Run(str(n), AT, AT, {"targets": {"east": counts}}) for n, counts in enumerate([{"delivered": 9999, "rejected": 1}, {}])
    ]
    line = sparkline("east", runs)
    assert [(bar.kind, bar.y + bar.height) for bar in line.bars] == [("rejected", HEIGHT), ("update", HEIGHT - 3)]
    assert line.label == "the last 1 runs: 9,999 delivered, 1 not"
    assert sparkline("west", runs).bars == ()


async def test_runs_are_listed_page_by_page_and_each_once(tmp_path: Path) -> None:
    every = [f"2026-11-22T10-{number // 60:02}-{number % 60:02}Z-abcdef" for number in range(RUNS + 5)]
    async with visited(tmp_path) as visit:
        for name in every:
            await visit.store.log_run(name, AT, AT, {"targets": {}, "troubles": []})
        seen, path = [], "/runs"
        while path:
            text = await visit.page(path)
            seen += [part.partition('"')[0] for part in text.split('<a href="/runs/')[1:]]
            path = text.partition('rel="next" href="')[2].partition('"')[0]
    assert seen == every[::-1]


async def test_what_a_run_told_is_paged_also_where_somebody_was_told_twice(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await visit.store.enrol("east", "crm", "map")
        for _ in range(2):
            waiting = await visit.store.wait("east", ["a/b", "c"])
            change = Change("Name", None, FORMULA)
            told = [ended(one.customer, one.version, Outcome.DELIVERED, change) for one in waiting]
            await visit.store.settle("east", PLACE, told, run=RUN)
        seen, after = [], ("", "", 0)
        while page := await visit.house.lists.told_by(RUN, Wanted(), after, 1):
            [(number, episode)] = page
            seen.append(episode.customer)
            after = (episode.target, episode.customer, number)
        place = _place(_following(Numbered(7, episode)))
    assert seen == ["a/b", "a/b", "c", "c"]
    assert place == ("east", "c", 7)


async def test_who_reads_the_lists_cannot_write(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        with pytest.raises(StateError):
            await visit.house.lists.file(Filing("crm", [("1", b"digest")], ["east"]))  # type: ignore[attr-defined]
