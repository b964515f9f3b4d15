"""What no vendor should send and no clock should do: nothing breaks, the others go on, and it is put right when it is over."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from sync.model import Standing
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.pace import Pace, PacePolicy, Rate
from tests.conftest import VirtualTime
from tests.proof.conftest import ROOT
from tests.proof.firm import Company, configure, out_of_step, people
from tests.proof.sandboxes import Sandbox

YEAR = 365 * 86400


class Firm:
    """Four customers and the vendors' sandbox."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.company = Company(folder / "company.db")
        self.company.make(people(4))
        self._config = configure(folder, sandbox.url)

    def cli(self, command: str, *words: str) -> tuple[int, str, int]:
        """Exit code, what it said, and its memory in MB."""
        line = [sys.executable, "-m", "sync", command, "--config", str(self._config), *words]
        process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout
        with process.stdout:
            said = process.stdout.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, said, used.ru_maxrss // 1024

    def failures(self) -> dict[tuple[str, str], str]:
        found = json.loads(self.cli("failures", "--json")[1])["failures"]
        return {(failure["target"], failure["customer"]): failure["outcome"] for failure in found}

    def is_put_right(self) -> bool:
        self.sandbox.mend()
        return self.cli("run")[0] == 0 and self.in_step() and self.failures() == {}

    def in_step(self) -> bool:
        return out_of_step(self.sandbox.holding(), self.company.states) == []


@pytest.fixture
def firm(tmp_path: Path, sandbox: Sandbox) -> Firm:
    return Firm(tmp_path, sandbox)


def bad(fault: str, **more: Any) -> dict[str, Any]:
    """For every update of customer 2."""
    return {"fault": fault, "times": None, "match": {"customer": "2", "endpoint": "update"}, **more}


def test_a_reply_of_fifty_megabytes_is_cut_off(firm: Firm) -> None:
    firm.sandbox.fault(bad("garbage", kind="huge", size=50_000_000, apply=False))
    code, _, megabytes = firm.cli("run")
    told = firm.failures()
    assert (code, megabytes < 150) == (3, True), megabytes
    assert {target for target, customer in told} == {"rpm", "sellercloud", "sparklayer", "webcommander"}
    assert set(told.values()) == {"unknown"}


def test_a_reply_that_is_no_text_is_unknown_and_put_right(firm: Firm) -> None:
    firm.sandbox.fault(bad("garbage", kind="utf8"))
    assert firm.cli("run")[0] in {0, 3}
    assert {customer for _, customer in firm.failures()} <= {"2"}
    assert firm.is_put_right()


def test_a_vendor_that_asks_for_a_year_is_left_alone_for_a_day_and_said(firm: Firm) -> None:
    header = {"Retry-After": str(YEAR)}
    firm.sandbox.fault({"fault": "status", "vendor": "sellercloud", "status": 429, "headers": header, "times": 1})
    firm.cli("run")
    stopped = json.loads(firm.cli("status", "--json")[1])["accounts"]["sellercloud"]["until"]
    left = datetime.fromisoformat(stopped) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(days=1)
    assert {target for target, _ in firm.failures()} == {"sellercloud"}


@pytest.mark.parametrize("value", ["0", "-5", "soon", format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)])
def test_a_time_that_has_passed_or_is_none_is_tried_again_soon(firm: Firm, value: str) -> None:
    firm.sandbox.fault({"fault": "status", "status": 429, "headers": {"Retry-After": value}, "times": 3})
    assert firm.cli("run")[0] == 0
    assert firm.in_step()


def test_a_redirect_is_not_followed(firm: Firm) -> None:
    """What was sent to the wrong place could be read there, credentials included: here that place is another vendor."""
    away = firm.sandbox.url + "/rpm/api2.svc/CustomerEdit"
    firm.sandbox.fault(bad("redirect", vendor="sparklayer", status=307, location=away))
    firm.cli("run")
    asked = [entry for entry in firm.sandbox.history() if entry["vendor"] == "rpm" and entry["method"] != "POST"]
    assert asked == []
    assert firm.failures() == {("sparklayer", "2"): "unknown"}
    assert firm.is_put_right()


# ---- a clock that jumps


def test_a_clock_that_was_set_back_does_not_stop_an_account_for_longer_than_a_vendor_may(virtual: VirtualTime) -> None:
    """The account was stopped by a clock that ran a year ahead."""

    async def entered() -> bool:
        lane = Lane("rpm", LanePolicy(), Standing(stopped_until=virtual.clock.time() + YEAR), asyncio.Event())
        await lane.enter("7")
        return True

    assert virtual.run(entered())


def test_a_clock_that_was_set_back_does_not_use_up_a_quota_for_longer_than_its_window(virtual: VirtualTime) -> None:
    quota = Rate(5, 3600.0, "5/h")
    used = {"5/h": [(virtual.clock.time() + YEAR, 5)]}

    async def waited() -> float:
        pace = Pace(PacePolicy(quotas=(quota,), patience=2 * YEAR), Standing(used=used))
        began = virtual.now
        await pace.acquire()
        return virtual.now - began

    assert 3500 <= virtual.run(waited()) <= 3700


def test_a_clock_that_was_set_back_does_not_delay_the_next_request(virtual: VirtualTime) -> None:
    async def waited() -> float:
        pace = Pace(PacePolicy(Rate(5, 1.0, "5/s")), Standing(last_sent=virtual.clock.time() + YEAR))
        began = virtual.now
        await pace.acquire()
        return virtual.now - began

    assert virtual.run(waited()) <= 0.25
