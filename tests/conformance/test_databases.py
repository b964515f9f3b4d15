"""What a database server may do to those who read it, and what must not be lost then."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from sync.errors import NotThere, SourceError
from sync.sources.alchemy import AlchemyDialect
from sync.sources.dialect import Address
from sync.sources.mysql import MysqlDialect
from sync.sources.postgres import PostgresDialect, trigger
from sync.sources.sql import PAGE, Sql
from sync.sources.statements import Table
from sync.stores.memory import Memory
from tests.conformance.grounds import KEY, MINUTES, Ground, Postgres, at, fresh, keys, one
from tests.databases import elsewhere, run_mysql, run_postgres

NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)


@pytest.fixture
async def server(postgres: str) -> Any:
    """A PostgreSQL alone."""
    made = Postgres(url=postgres)
    yield made
    for source in made.opened:
        await source.close()


# ---- late commits


@pytest.mark.parametrize("cursor", ["Moved", "xmin", "Txid"])
async def test_a_transaction_that_is_committed_after_the_read_is_not_lost(server: Postgres, store: Memory, cursor: str) -> None:
    """It has written an older time than rows that were read in the meantime: with xmin not even an overlap is needed."""
    server.run('CREATE TABLE Customer (Id int, Name text, Moved timestamptz, "Txid" xid8 DEFAULT pg_current_xact_id())')
    server.run(f"INSERT INTO Customer VALUES (1, 'Ann', '{at(0)}')")
    source = server.source(cursor=cursor, overlap=5 * MINUTES if cursor == "Moved" else timedelta(0))
    assert await fresh(source, store) == ["1"]
    late = await asyncpg.connect(server.url)
    async with late.transaction():
        await late.execute(f"""INSERT INTO "Customer" VALUES (2, 'late', '{at(1)}')""")
        server.run(f"INSERT INTO Customer VALUES (3, 'Cem', '{at(3)}')")
        assert await fresh(source, store) == ["3"]
        assert await fresh(source, store) == []
    await late.close()
    assert await fresh(source, store) == ["2"]
    assert await fresh(source, store) == []


async def test_xmin_sees_updates_and_reads_nothing_twice(server: Postgres, store: Memory) -> None:
    server.fill([(number, "x", at(0)) for number in range(PAGE + 1)])
    source = server.source(cursor="xmin")
    assert len(await fresh(source, store)) == PAGE + 1
    kept = await store.cursor("crm")
    assert isinstance(kept, list)
    server.run("UPDATE Customer SET Name = 'y' WHERE Id IN (7, 12)")
    assert await keys(source, kept[1]) == ["7", "12"]
    assert sorted(await fresh(source, store)) == ["12", "7"]


async def test_an_xmin_of_another_time_reads_every_row(server: Postgres) -> None:
    server.fill([(1, "Ann", at(0))])
    source = server.source(cursor="xmin")
    assert await keys(source, 2**40) == ["1"]
    assert await keys(source, -(2**33)) == ["1"]


# ---- one moment


async def test_what_is_committed_during_a_read_is_not_part_of_it(server: Postgres) -> None:
    server.fill([(number, "x", at(number)) for number in range(2 * PAGE)])
    source = server.source()
    pages = source.changed(None)
    first = await anext(pages)
    server.run(f"INSERT INTO Customer VALUES (99999, 'new', '{at(3 * PAGE)}')", "DELETE FROM Customer WHERE Id = 1999")
    rest = [key async for page in pages for key, _ in page.rows]
    assert [key for key, _ in first.rows] + rest == [str(number) for number in range(2 * PAGE)]


# ---- broken connections


@pytest.mark.needs("server")
@pytest.mark.parametrize("cursor", ["Moved", None])
async def test_a_connection_that_breaks_amid_a_read_is_made_anew_and_nobody_is_missed(ground: Ground, cursor: str | None) -> None:
    ground.fill([(number, "x" * 200, at(number)) for number in range(60 * PAGE)])
    pages = ground.source(cursor=cursor).changed(None)
    found = [key for key, _ in (await anext(pages)).rows]
    ground.cut()
    found += [key async for page in pages for key, _ in page.rows]
    assert len(set(found)) == 60 * PAGE
    assert len(found) > 60 * PAGE


@pytest.mark.needs("server")
async def test_a_connection_that_broke_meanwhile_is_made_anew(ground: Ground) -> None:
    ground.fill([(1, "Ann", at(0))])
    source = ground.source()
    await keys(source)
    ground.cut()
    assert (await one(source)).values["Name"] == "Ann"


@pytest.mark.needs("server")
async def test_a_connection_that_breaks_again_and_again_is_told(ground: Ground) -> None:
    """Without a cursor a read begins anew each time, and would never end."""
    ground.fill([(number, "x" * 200, at(number)) for number in range(60 * PAGE)])
    pages = ground.source(cursor=None).changed(None)

    async def cut_at_every_page() -> None:
        async for _ in pages:
            ground.cut()

    with pytest.raises(SourceError, match=r"^sources\.crm: [^\n]+$"):
        await asyncio.wait_for(cut_at_every_page(), 60)


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        (PostgresDialect(Address("sources.crm", "postgresql://u:hunter2@127.0.0.1:9/db")), "the server cannot be reached"),
        (MysqlDialect(Address("sources.crm", "mysql://u:hunter2@127.0.0.1:9/db")), "Can't connect to MySQL server"),
    ],
)
async def test_a_server_that_is_not_there_is_told_in_one_line_without_the_password(dialect: Any, said: str) -> None:
    source = Sql(Table("sources.crm", "Id", "Customer"), dialect, KEY)
    with pytest.raises(SourceError, match=said) as told:
        await source.fields()
    assert "hunter2" not in str(told.value)
    assert "\n" not in str(told.value)


WITHOUT_TLS = r"; it speaks no TLS: tls = \"prefer\" does without$"


async def test_a_postgres_without_tls_is_told_with_what_to_do_where_tls_is_required() -> None:
    """It answers N when it is asked for TLS; by a socket of this machine it is not asked."""

    over = asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"N")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        dialect = PostgresDialect(Address("sources.crm", f"postgresql://u@127.0.0.1:{port}/db", tls="require"))
        with pytest.raises(SourceError, match=WITHOUT_TLS):
            await Sql(Table("sources.crm", "Id", "Customer"), dialect, KEY).fields()
        await asyncio.wait_for(over.wait(), 10)


async def test_a_mariadb_without_tls_is_told_with_what_to_do_where_tls_is_required(mysql: str) -> None:
    dialect = MysqlDialect(Address("sources.crm", mysql, tls="require"))
    with pytest.raises(SourceError, match=WITHOUT_TLS):
        await Sql(Table("sources.crm", "Id", "Customer"), dialect, KEY).fields()


async def test_a_read_that_takes_too_long_is_told_with_what_to_do(server: Postgres) -> None:
    server.run("CREATE VIEW Seen AS SELECT 1 AS Id, pg_sleep(5)::text AS Name")
    dialect = PostgresDialect(Address("sources.crm", server.url, timeout=timedelta(seconds=0.2)))
    source = Sql(Table("sources.crm", "Id", "Seen"), dialect, KEY)
    with pytest.raises(SourceError, match=r"sources\.crm: no answer within 0\.2 s: give the cursor's column an index, or raise"):
        await keys(source)
    await source.close()


# ---- rows that are wrong


async def test_a_row_that_cannot_be_read_is_rejected_alone(server: Postgres, store: Memory) -> None:
    """Python has no year 10000."""
    server.fill([(1, "Ann", at(0)), (2, "Bea", "10000-01-01"), (3, "Cem", at(1))])
    source = server.source()
    assert await fresh(source, store) == ["1", "2", "3"]
    troubles = {customer.key: customer.trouble for customer in await source.fetch(["1", "2", "3"])}
    assert troubles == {
        "1": "",
        "2": "sources.crm: a value cannot be held here: a date before the year 1 or after 9999?",
        "3": "",
    }


@pytest.mark.mysql
async def test_a_date_with_zeros_stays_text_and_moves_no_cursor(mysql: str, store: Memory) -> None:
    elsewhere(run_mysql(mysql, "SET sql_mode = ''", "CREATE TABLE Customer (Id int, Moved datetime)",
                        f"INSERT INTO Customer VALUES (1, '0000-00-00'), (2, '{at(0)}')"))  # fmt: skip
    source = Sql(Table("sources.crm", "Id", "Customer", cursor="Moved"), MysqlDialect(Address("sources.crm", mysql)), KEY)
    assert await fresh(source, store) == ["1", "2"]
    assert (await one(source)).values["Moved"] == "0000-00-00 00:00:00"
    assert await store.cursor("crm") == ["", "2020-11-22T10:00:00"]
    await source.close()


@pytest.mark.needs("sql")
async def test_a_column_that_has_gone_is_told_and_not_taken_for_empty(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0))])
    source = ground.source()
    await fresh(source, store)
    ground.run("DROP TABLE Customer")
    ground.fill([(1, at(1))], ", ".join(part for part in ground.columns.split(", ") if "Name" not in part))
    with pytest.raises(SourceError, match=r"sources\.crm: column Name has gone: put it back, or take it out of the maps"):
        await source.fetch(["1"])


# ---- what is read


@pytest.mark.needs("sql")
async def test_rows_of_another_table_are_a_list(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(0))])
    ground.run("CREATE TABLE Seen (Id INTEGER, Name VARCHAR(9), Called INTEGER)",
               "INSERT INTO Seen VALUES (1, 'b', 10), (1, 'a', 9), (7, 'c', 8)")  # fmt: skip
    lists = {"names": "SELECT Id, Name FROM Seen", "calls": "SELECT Id, Called, Name FROM Seen;"}
    source = ground.source(cursor=None, children=lists)
    assert dict(await source.fields())["names"] == "LIST"
    assert await fresh(source, store) == ["1", "2"]
    found = {customer.key: customer.values for customer in await source.fetch(["1", "2"])}
    assert [found[key]["names"] for key in ("1", "2")] == [["a", "b"], []]
    assert found["1"]["calls"] == [{"Called": 9, "Name": "a"}, {"Called": 10, "Name": "b"}]
    assert await fresh(source, store) == []
    ground.run("UPDATE Seen SET Name = 'x' WHERE Called = 10")
    assert await fresh(source, store) == ["1"]


@pytest.mark.needs("sql")
async def test_lists_that_change_places_make_another_customer(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0))])
    queries = {"names": "SELECT Id, Name FROM Customer", "times": "SELECT Id, Moved FROM Customer"}
    assert await fresh(ground.source(cursor=None, children=queries), store) == ["1"]
    swapped = dict(zip(reversed(queries), queries.values(), strict=True))
    assert await fresh(ground.source(cursor=None, children=swapped), store) == ["1"]


@pytest.mark.needs("sql")
async def test_a_query_of_children_that_cannot_be_used_is_named(ground: Ground) -> None:
    ground.fill([])
    for query, said in (("SELECT Id FROM Customer", "has to select the customer's key first"), ("SELECT 1 FROM nix", "nix")):
        with pytest.raises(NotThere, match=said) as told:
            await ground.source(children={"aliases": query}).fields()
        assert told.value.part == "children.aliases"


@pytest.mark.parametrize("selection", [{}, {"query": "SELECT * FROM Customer"}, {"cursor": None}])
@pytest.mark.needs("sql")
async def test_only_rows_for_which_the_condition_holds_are_read(
    ground: Ground, store: Memory, selection: Mapping[str, Any]
) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "B%", at(1)), (3, "Cem", None)])
    source = ground.source(where="Name LIKE 'A%' OR Name LIKE 'C%' -- not all", **selection)
    assert await fresh(source, store) == ["1", "3"]
    assert [customer.key for customer in await source.fetch(["1", "2"])] == ["1"]
    assert await source.count() == 2


POSTGRES: list[tuple[str, str, object]] = [
    ("text", "'O''Brien \U0001f600'", "O'Brien \U0001f600"),
    ("integer", "-7", -7),
    ("bigint", "9223372036854775807", 2**63 - 1),
    ("numeric(10,2)", "1.50", Decimal("1.50")),
    ("real", "0.1", 0.1),
    ("double precision", "0.1", 0.1),
    ("boolean", "false", False),
    ("date", "'2026-11-22'", date(2026, 11, 22)),
    ("timestamp", "'2026-11-22 10:00:00.25'", datetime(2026, 11, 22, 10, 0, 0, 250_000)),  # noqa: DTZ001 - without a zone
    ("timestamptz", "'2026-11-22 10:00:00+02'", datetime(2026, 11, 22, 8, tzinfo=UTC)),
    ("time", "'10:00'", "10:00:00"),
    ("jsonb", """'{"a": [1, null]}'""", {"a": [1, None]}),
    ("text[]", "ARRAY['a', NULL]", ["a", None]),
    ("bytea", r"'\x00ff'", b"\x00\xff"),
    ("uuid", "'00000000-0000-0000-0000-000000000007'", "00000000-0000-0000-0000-000000000007"),
    ("inet", "'10.0.0.1'", "10.0.0.1/32"),
    ("interval", "'3 days'", "3 days"),
    ("mood", "'glad'", "glad"),
]


@pytest.mark.parametrize(("kind", "written", "expected"), POSTGRES)
async def test_a_value_of_postgresql_is_kept(server: Postgres, kind: str, written: str, expected: object) -> None:
    server.run("CREATE TYPE mood AS ENUM ('sad', 'glad')", f'CREATE TABLE Customer (Id int, "Value" {kind})',
               f"INSERT INTO Customer VALUES (1, {written}), (2, NULL)")  # fmt: skip
    found = {customer.key: customer.values["Value"] for customer in await server.source(cursor=None).fetch(["1", "2"])}
    assert (found, type(found["1"])) == ({"1": expected, "2": None}, type(expected))


MARIADB: list[tuple[str, str, object]] = [
    ("varchar(20)", "'O''Brien \U0001f600'", "O'Brien \U0001f600"),
    ("bigint unsigned", "18446744073709551615", 2**64 - 1),
    ("decimal(10,2)", "1.50", Decimal("1.50")),
    ("double", "0.1", 0.1),
    ("tinyint(1)", "0", False),
    ("tinyint(1)", "7", 7),
    ("tinyint", "1", 1),
    ("bit(1)", "b'1'", True),
    ("bit(8)", "b'11111111'", 255),
    ("date", "'2026-11-22'", date(2026, 11, 22)),
    ("datetime(6)", "'2026-11-22 10:00:00.25'", datetime(2026, 11, 22, 10, 0, 0, 250_000)),  # noqa: DTZ001 - without a zone
    ("timestamp", "'2026-11-22 10:00:00'", datetime(2026, 11, 22, 10, tzinfo=UTC)),
    ("time", "'10:00'", "10:00:00"),
    ("enum('sad', 'glad')", "'glad'", "glad"),
    ("blob", "x'00ff'", b"\x00\xff"),
    ("text", "'100%s'", "100%s"),
]


@pytest.mark.mysql
@pytest.mark.parametrize(("kind", "written", "expected"), MARIADB)
async def test_a_value_of_mariadb_is_kept(mysql: str, kind: str, written: str, expected: object) -> None:
    elsewhere(run_mysql(mysql, "SET time_zone = '+00:00'", f"CREATE TABLE Customer (Id int, Value {kind} NULL)",
                        f"INSERT INTO Customer VALUES (1, {written}), (2, NULL)"))  # fmt: skip
    source = Sql(Table("sources.crm", "Id", "Customer"), MysqlDialect(Address("sources.crm", mysql)), KEY)
    found = {customer.key: customer.values["Value"] for customer in await source.fetch(["1", "2"])}
    assert (found, type(found["1"])) == ({"1": expected, "2": None}, type(expected))
    await source.close()


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        ("int", ["7", "-1"]),
        ("bigint", ["9223372036854775807"]),
        ("numeric", ["7", "7.5", "99999999999999999999999999999"]),
        ("numeric(10,2)", ["7.00", "7.50"]),
        ("double precision", ["7.5", "0.1", "1e300"]),
        ("text", ["'7'", "'007'", "'x'' OR 1=1 --'", "'ä'"]),
        ("char(5)", ["'ab'"]),
        ("uuid", ["'00000000-0000-0000-0000-00000000000A'"]),
        ("date", ["'2026-11-22'"]),
    ],
)
async def test_whatever_is_a_key_of_postgresql_is_found_by_it(server: Postgres, kind: str, stored: list[str]) -> None:
    server.run(f"CREATE TABLE Customer (Id {kind})", f"INSERT INTO Customer VALUES {', '.join(f'({value})' for value in stored)}")
    source = server.source(cursor=None)
    found = set(await keys(source))
    assert len(found) == len(stored)
    assert {customer.key for customer in await source.fetch([*found, "x", "99", "1e1", ""])} == found


async def test_a_key_is_looked_up_by_its_index(server: Postgres) -> None:
    dialect = server.dialect()
    condition, values = dialect.among("Id", "int4", ["7", "8"])
    server.fill([(number, "x", at(0)) for number in range(3 * PAGE)])
    server.run("ANALYZE Customer")
    connection = await asyncpg.connect(server.url)
    plan = await connection.fetch(f'EXPLAIN SELECT * FROM "Customer" t WHERE {condition}', *values)
    await connection.close()
    assert any("Index" in line for (line,) in plan)


@pytest.mark.parametrize(
    "query", ["DELETE FROM Customer RETURNING *", "SELECT 1) t; DELETE FROM Customer; --", "SELECT Id, wipe() FROM Customer"]
)
async def test_a_query_that_writes_is_an_error_and_writes_nothing(server: Postgres, query: str) -> None:
    server.fill([(1, "Ann", at(0))])
    server.run("""CREATE FUNCTION wipe() RETURNS text LANGUAGE sql AS 'DELETE FROM Customer RETURNING Name'""")
    with pytest.raises(SourceError):
        await keys(server.source(query=query, cursor=None))
    assert (await one(server.source())).values["Name"] == "Ann"


async def test_a_table_of_another_schema_is_named_with_a_dot(server: Postgres, store: Memory) -> None:
    server.fill([(1, "Ann", at(0))])
    schema = server.url.rpartition("=")[2]
    source = Sql(Table("sources.crm", "Id", f"{schema}.Customer"), PostgresDialect(Address("sources.crm", server.url)), KEY)
    assert await fresh(source, store) == ["1"]
    await source.close()


@pytest.mark.needs("sql")
async def test_a_table_that_is_not_there_is_told_with_those_that_are(ground: Ground) -> None:
    ground.fill([])
    with pytest.raises(NotThere, match="the source has no table Kunde") as told:
        await ground.source(table="Kunde").fields()
    assert "Customer" in told.value.valid


async def test_a_value_that_the_database_quotes_is_not_told(server: Postgres) -> None:
    server.fill([(1, "hunter2", at(0))])
    with pytest.raises(SourceError, match="invalid input syntax") as told:
        await keys(server.source(query="SELECT Id, Name::int AS n FROM Customer", cursor=None))
    assert "hunter2" not in str(told.value)


# ---- what it tells of itself


@pytest.mark.needs("sql")
async def test_a_source_tells_how_far_its_cursor_reaches_and_how_to_make_it_quick(ground: Ground) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(60)), (3, "Cem", None)])
    source = ground.source()
    assert source.span is not None
    found = await source.span()
    assert [str(end).replace("T", " ")[:19] for end in (found.first, found.last)] == [at(0), at(60)]
    if isinstance(source, Sql) and found.indexed is not None:
        assert (found.indexed, "CREATE INDEX" in found.advice) == (False, True)
        ground.run(found.advice.replace('"', ""))
        assert (await source.span()).indexed is True


@pytest.mark.needs("sql")
async def test_a_source_without_a_cursor_tells_of_none(ground: Ground) -> None:
    assert ground.source(cursor=None).span is None


async def test_a_change_wakes_whoever_listens(server: Postgres) -> None:
    server.fill([(1, "Ann", at(0))])
    source = server.source(channel="crm")
    assert source.woken is not None
    calls = source.woken()
    waiting = asyncio.ensure_future(anext(calls))
    elsewhere(run_postgres(server.url, trigger("Customer", "crm")))
    while not waiting.done():
        server.run("UPDATE Customer SET Name = 'Anna'")
        await asyncio.wait([waiting], timeout=0.05)
    assert await waiting is None
    await calls.aclose()  # type: ignore[attr-defined]
    assert server.source().woken is None


async def test_who_listens_is_told_that_the_connection_broke(server: Postgres) -> None:
    server.fill([(1, "Ann", at(0))])
    source = server.source(channel="crm")
    assert source.woken is not None
    waiting = asyncio.ensure_future(anext(source.woken()))
    while not waiting.done():
        server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        await asyncio.wait([waiting], timeout=0.05)
    with pytest.raises(SourceError, match=r"sources\.crm: the connection that listens on crm broke"):
        await waiting


@pytest.mark.parametrize(
    ("module", "dialect", "extra"),
    [("asyncpg", PostgresDialect, "postgres"), ("asyncmy", MysqlDialect, "mysql"), ("sqlalchemy", AlchemyDialect, "sqlalchemy")],
)
async def test_a_driver_that_is_not_installed_is_told_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, dialect: Any, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    source = Sql(Table("sources.crm", "Id", "Customer"), dialect(Address("sources.crm", "oracle://u@h/d")), KEY)
    with pytest.raises(SourceError, match=rf"is not installed: pip install 'customer-sync\[{extra}\]'"):
        await source.fields()
