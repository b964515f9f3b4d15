"""`kind = "file"`: what can be said of files, and every mistake in it with what to do."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sync.settings import FileTable


def table(**keys: Any) -> FileTable:
    return FileTable.model_validate({"kind": "file", "path": "customers.csv", "key": "Id"} | keys)


def mistake(**keys: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        table(**keys)
    [problem] = caught.value.errors(include_url=False, include_input=False)
    return str(problem["msg"]).removeprefix("Value error, ")


def test_a_path_and_a_key_are_enough() -> None:
    made = table()
    assert (made.chosen_format, made.nulls, made.settle.total_seconds(), made.remote) == ("csv", ("",), 10.0, False)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"path": "exports/*.csv"}, 'path names several files: say what they are, files = "newest", "parts" or "increments"'),
        ({"path": "a.csv.zip"}, "an archive is not read: unpack it, or compress the file alone, such as customers.csv.gz"),
        ({"path": "exports/customers"}, "path does not tell the format: add format, one of csv, jsonl, json, parquet, excel"),
        ({"path": "customers.parquet.gz"}, "a file in the format parquet cannot be compressed once more"),
        ({"cursor": "UpdatedAt"}, "a file is read as a whole and compared by content: leave cursor out"),
        ({"encoding": "utf8000"}, 'is no encoding, such as "utf-8", "utf-16" or "cp1252"'),
        ({"encoding": "hex"}, 'is no encoding, such as "utf-8", "utf-16" or "cp1252"'),
        ({"sheet": "Customers"}, "sheet means nothing for the format csv"),
        ({"path": "a.json", "delimiter": ";"}, "delimiter means nothing for the format json"),
        ({"options": {"key": "x"}}, "options are for a path that is a URL, such as s3://bucket/customers.csv"),
        ({"delimiter": ";;"}, "String should have at most 1 character"),
    ],
)
def test_what_does_not_fit_is_told(keys: dict[str, Any], told: str) -> None:
    assert mistake(**keys) == told


def test_one_text_for_no_value_may_stand_without_brackets() -> None:
    assert table(nulls="NULL").nulls == ("NULL",)
    assert table(nulls=["", "-"]).nulls == ("", "-")


@pytest.mark.parametrize(
    "keys",
    [
        {"path": "other.csv"},
        {"key": "Key"},
        {"files": "parts"},
        {"order": "modified"},
        {"format": "jsonl"},
        {"encoding": "cp1252"},
        {"delimiter": ";"},
        {"nulls": "NULL"},
    ],
)
def test_another_way_to_read_is_another_definition(keys: dict[str, Any]) -> None:
    assert table(**keys).definition != table().definition


def test_how_long_a_file_settles_is_no_other_definition() -> None:
    assert table(settle="1m", final_newline=True).definition == table().definition


def test_a_file_that_is_there_can_be_looked_at_without_a_network(tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    assert not table(path=str(file)).offline
    file.touch()
    assert table(path=str(file)).offline
    assert not table(path=f"file://{file}").offline
