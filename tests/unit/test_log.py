"""Facts -> lines, without secrets."""

import json
from collections.abc import Iterator
from datetime import datetime

import pytest
import structlog

from sync.log import TOKENS, Redactor, configure


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def redactor(*secrets: str) -> Redactor:
    made = Redactor()
    made.learn(secrets)
    return made


def test_tokens_are_hidden_and_the_oldest_are_forgotten() -> None:
    made = redactor("hunter2")
    for number in range(TOKENS + 1):
        made.learn_tokens([f"access-{number:03}", f"refresh-{number:03}", ""])
    told = made.clean(f"hunter2 access-000 access-001 refresh-{TOKENS:03}")
    assert told == "*** access-000 *** ***"


@pytest.mark.parametrize(
    ("secrets", "text", "expected"),
    [
        (["hunter2"], "the password hunter2 is wrong: hunter2", "the password *** is wrong: ***"),
        (["hunter2"], "hunter", "hunter"),
        (["hunter2", "hunter2-longer"], "hunter2-longer", "***"),
        (["a.*b"], "a.*b axxb", "*** axxb"),
        ([], "anything", "anything"),
        ([""], "anything", "anything"),
        (["abc"], "abcdef", "abcdef"),
        (["****"], "****", "***"),
    ],
)
def test_every_secret_is_taken_out_the_longest_first_and_the_shortest_not_at_all(
    secrets: list[str], text: str, expected: str
) -> None:
    assert redactor(*secrets).clean(text) == expected


def test_secrets_of_one_moment_are_not_remembered() -> None:
    known = redactor("hunter2")
    assert known.clean("hunter2 and pw", also=["pw", ""]) == "*** and ***"
    assert known.clean("hunter2 and pw") == "*** and pw"


def test_what_is_learnt_later_is_taken_out_from_then_on() -> None:
    known = redactor("hunter2")
    known.learn(["token-1"])
    assert known.clean("hunter2 token-1") == "*** ***"


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_line_holds_a_secret(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure(redactor("hunter2", "token-1"), level="info", form=form)  # type: ignore[arg-type]
    log = structlog.get_logger()
    log.warning("account.stopped", reason="hunter2 is refused", token="token-1", fields=["token-1"], seen={"by": ("hunter2",)})
    log.info("hunter2 in the event")
    written = capsys.readouterr()
    assert [secret for secret in ("hunter2", "token-1") if secret in written.err + written.out] == []
    assert written.err.count("***") == 5


def test_lines_go_to_standard_error_with_a_time_and_a_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Redactor(), level="info", form="json")
    structlog.get_logger().info("update.delivered", customer="7")
    written = capsys.readouterr()
    line = json.loads(written.err)
    assert (line["event"], line["level"], line["customer"], written.out) == ("update.delivered", "info", "7", "")
    assert line["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Redactor(), level="warning", form="json")
    structlog.get_logger().info("update.delivered")
    assert capsys.readouterr().err == ""


def test_a_person_sees_when_it_was_here_and_nothing_that_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Redactor(), level="info", form="console")
    structlog.get_logger().info("update.settled", run="2026-run", target="rpm", fields=[], attempts=0)
    words = capsys.readouterr().err.split()
    assert words[2:] == ["[info", "]", "update.settled", "target=rpm", "attempts=0", "run=2026-run"]
    assert datetime.fromisoformat(" ".join(words[:2])) <= datetime.now()  # noqa: DTZ005 - as a clock on the wall
