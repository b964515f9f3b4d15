"""Files in a remote store: found, read and looked at again as those on this machine, and no credential is ever shown."""

from pathlib import Path
from typing import Any

import pytest

from sync.app.sources import open_file
from sync.errors import SourceError
from sync.settings import FileTable
from sync.sources.remote import Remote, secrets_in, shown

fsspec = pytest.importorskip("fsspec")
KEY = b"k" * 32
SECRET = "hunter2-secret"


@pytest.fixture
def memory() -> Any:
    """A store that is empty before and after."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield store
    store.store.clear()


def opened(path: str, **more: Any) -> Any:
    table = {"kind": "file", "path": path, "key": "Id", "settle": "0s"} | more
    return open_file("crm", FileTable.model_validate(table), KEY)


async def keys(source: Any, cursor: object = None) -> tuple[list[str], object]:
    pages = [page async for page in source.changed(cursor)]
    return [key for page in pages for key, _ in page.rows], pages[-1].cursor if pages else cursor


async def test_a_file_in_a_store_is_taken_once_for_each_content(memory: Any) -> None:
    memory.pipe("/exports/customers.csv", b"Id,Name\n1,Ann\n")
    source = opened("memory://exports/customers.csv")
    assert dict(await source.fields()) == {"Id": "text", "Name": "text"}
    there, cursor = await keys(source)
    assert there == ["1"]
    memory.pipe("/exports/customers.csv", b"Id,Name\n1,Ann\n")
    assert await keys(source, cursor) == ([], cursor)
    memory.pipe("/exports/customers.csv", b"Id,Name\n1,Anna\n")
    assert (await keys(source, cursor))[0] == ["1"]
    assert [customer.values["Name"] for customer in await source.fetch(["1"])] == ["Anna"]
    await source.close()


async def test_a_pattern_finds_files_in_a_store(memory: Any) -> None:
    for day, rows in ((9, "1,Ann\n"), (10, "1,Anna\n2,Bea\n")):
        memory.pipe(f"/exports/day-{day}.csv", f"Id,Name\n{rows}".encode())
    memory.pipe("/exports/old/day-99.csv", b"nothing of ours")
    source = opened("memory://exports/*.csv", files="increments")
    assert (await keys(source))[0] == ["1", "2"]
    assert [customer.values["Name"] for customer in await source.fetch(["1", "2"])] == ["Anna", "Bea"]
    await source.close()


async def test_a_local_store_is_a_store_too(tmp_path: Path) -> None:
    (tmp_path / "customers.jsonl").write_text('{"Id": 1}\n')
    source = opened(f"file://{tmp_path}/*.jsonl", files="newest")
    there, cursor = await keys(source)
    assert there == ["1"]
    assert await keys(opened(f"file://{tmp_path}/*.jsonl", files="newest"), cursor) == ([], cursor)
    await source.close()


async def test_parquet_is_read_from_a_store(memory: Any) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    with memory.open("/exports/customers.parquet", "wb") as out:
        parquet.write_table(arrow.table({"Id": [1, 2]}), out)
    source = opened("memory://exports/customers.parquet")
    assert (await keys(source))[0] == ["1", "2"]
    await source.close()


class Growing(Remote):
    """Somebody writes to the file while it is copied."""

    def open(self, file: Any) -> Any:
        copy = super().open(file)
        fsspec.filesystem("memory").pipe(file.path, b"Id,Name\n1,Ann\n2,Bea\n")
        return copy


async def test_a_file_that_is_written_to_while_it_is_copied_is_refused(memory: Any) -> None:
    memory.pipe("/customers.csv", b"Id,Name\n1,Ann\n")
    source = opened("memory://customers.csv")
    source._place = Growing("sources.crm", "memory://customers.csv", {})
    with pytest.raises(SourceError, match=r"^sources\.crm: customers\.csv is still being written"):
        await keys(source)
    await source.close()


@pytest.mark.usefixtures("memory")
async def test_a_file_that_is_not_there_is_told() -> None:
    source = opened("memory://exports/customers.csv")
    with pytest.raises(SourceError, match=r"^sources\.crm: memory://exports/customers\.csv is not there$"):
        await source.fields()
    await source.close()


class Store:
    """One file, in the words of an object store."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = lambda _path: info

    def invalidate_cache(self) -> None:
        pass


def found(place: Remote, info: dict[str, Any]) -> Any:
    place._system, place._path = Store(info), "bucket/customers.csv"
    return place.find()


def test_what_a_store_knows_of_a_content_is_taken_as_its_digest() -> None:
    place = Remote("sources.crm", "memory://customers.csv", {})
    [file] = found(place, {"ETag": '"abc"', "size": 3, "LastModified": "2026-11-22T10:00:00Z", "type": "file"})
    assert (place.content(file), file.modified) == ('"abc"', 1795341600.0)


# ---- what is never shown


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://bucket/a/*.csv", "s3://bucket/a/*.csv"),
        (f"sftp://ann:{SECRET}@host:22/a@b.csv", "sftp://host:22/a@b.csv"),
        (f"https://host/customers.csv?X-Amz-Signature={SECRET}", "https://host/customers.csv"),
    ],
)
def test_an_address_is_shown_without_its_credentials(url: str, address: str) -> None:
    assert shown(url) == address
    assert any(SECRET in secret for secret in secrets_in(url, {})) == (SECRET in url)


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("memory://customers.csv", {"no_such_option": SECRET, "client": {"password": SECRET}}),
        (f"nosuch://ann:{SECRET}@host/customers.csv", {}),
        (f"sftp://ann:{SECRET}@127.0.0.1:1/customers.csv", {"timeout": 1}),
    ],
)
async def test_no_credential_is_in_a_message(path: str, options: dict[str, Any]) -> None:
    source = opened(path, options=options)
    with pytest.raises(SourceError, match=r"^sources\.crm: ") as caught:
        await source.fields()
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    await source.close()


def test_a_store_that_quotes_a_credential_is_not_quoted() -> None:
    place = Remote("sources.crm", f"memory://ann:{SECRET}@host/a.csv", {"token": "an-option", "client": {"key": "a-deep-option"}})
    with pytest.raises(SourceError) as caught, place._told():
        raise RuntimeError(f"denied:\n{SECRET} an-option a-deep-option")
    assert str(caught.value) == "sources.crm: memory://host/a.csv: denied: *** *** ***"


def test_no_credential_is_in_what_the_settings_show() -> None:
    table = FileTable.model_validate(
        {"kind": "file", "path": f"sftp://ann:{SECRET}@host/a.csv", "key": "Id", "options": {"password": SECRET}}
    )
    assert SECRET not in repr(table)
    assert SECRET in table.secrets
    other = {"kind": "file", "path": "sftp://ann:another@host/a.csv", "key": "Id"}
    assert table.definition == FileTable.model_validate(other).definition
