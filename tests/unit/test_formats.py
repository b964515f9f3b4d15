"""Every format: what is in a file is read as it stands, and a file that is not whole is refused as a whole."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.sources.formats import document
from sync.sources.formats.base import Damaged, Format, LibraryMissing, extra
from sync.sources.formats.choice import format_of, unpacked
from sync.sources.formats.delimited import Delimited, Dialect
from sync.sources.formats.document import JsonDocument
from sync.sources.formats.excel import Excel
from sync.sources.formats.lines import JsonLines
from sync.sources.formats.parquet import Parquet

CSV = Delimited("Id")


def rows(format: Format, content: bytes) -> list[Any]:
    """The values of all rows, which all can be told."""
    found = list(format.read(io.BytesIO(content)).rows)
    assert {trouble for _, trouble in found} <= {""}
    return [values for values, _ in found]


def columns(format: Format, content: bytes) -> Mapping[str, str]:
    sheet = format.read(io.BytesIO(content))
    list(sheet.rows)
    return dict(sheet.columns)


def refusal(format: Format, content: bytes | io.BytesIO, name: str = "customers") -> str:
    file = content if isinstance(content, io.BytesIO) else io.BytesIO(content)
    with pytest.raises(Damaged) as caught:
        list(format.read(unpacked(file, name)).rows)
    return str(caught.value)


# ---- CSV and TSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_makes_the_key_a_column(delimiter: str) -> None:
    header = delimiter.join(["Name, first; last | all", "Id", "Note"])
    quoted = '"' + header.replace(delimiter + "Id", '"' + delimiter + "Id")
    text = f'{quoted}\n"Zoë, A.; B | C"{delimiter}7{delimiter}x\n'
    assert rows(CSV, text.encode()) == [("Zoë, A.; B | C", "7", "x")]


def test_a_file_of_keys_alone_is_a_file() -> None:
    assert rows(CSV, b"Id\n1\n2\n") == [("1",), ("2",)]


def test_a_delimiter_that_is_given_is_used() -> None:
    assert rows(Delimited("Id", Dialect(delimiter="^")), b"Id^Name, all\n1^a,b\n") == [("1", "a,b")]


def test_text_is_kept_as_it_is_written() -> None:
    content = b'Id,Price,Code,Note\n1,12.50,007," a\r\nb ""c"" "\n'
    assert rows(CSV, content) == [("1", "12.50", "007", ' a\r\nb "c" ')]
    assert columns(CSV, content) == dict.fromkeys(["Id", "Price", "Code", "Note"], "text")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "shift_jis"])
def test_an_encoding_is_said_and_a_byte_order_mark_is_no_text(encoding: str) -> None:
    name = "山田" if encoding == "shift_jis" else "Zoé"
    content = f"Id,Name\r\n1,{name}\r\n".encode(encoding)
    said = "utf-8" if encoding == "utf-8-sig" else encoding
    assert rows(Delimited("Id", Dialect(encoding=said)), content) == [("1", name)]


def test_what_stands_for_no_value_is_said() -> None:
    content = b"Id,Name\n1,\n2,NULL\n3,\\N\n"
    assert rows(CSV, content) == [("1", None), ("2", "NULL"), ("3", "\\N")]
    assert rows(Delimited("Id", Dialect(nulls=frozenset({"NULL", "\\N"}))), content) == [("1", ""), ("2", None), ("3", None)]


def test_quotes_can_be_escaped_or_mean_nothing() -> None:
    assert rows(Delimited("Id", Dialect(escape="\\")), b'Id,Name\n1,"a \\"b\\""\n') == [("1", 'a "b"')]
    assert rows(Delimited("Id", Dialect(quote=None)), b'Id,Name\n1,6" nail\n') == [("1", '6" nail')]


def test_lines_with_nothing_in_them_are_none() -> None:
    assert rows(CSV, b"Id,Name\n\n1,a\n\n") == [("1", "a")]


def test_a_column_without_a_name_is_left_out() -> None:
    assert rows(CSV, b"Id,,Name,\n1,x,a,y\n") == [("1", "a")]


def test_a_header_is_enough() -> None:
    assert rows(CSV, b"Id,Name\n") == []


@pytest.mark.parametrize(
    ("line", "told"), [("3", "line 3 has 1 values, the header has 2"), ("3,c,d", "line 3 has 3 values, the header has 2")]
)
def test_a_row_that_is_too_short_or_too_long_is_told_and_the_others_are_read(line: str, told: str) -> None:
    found = list(CSV.read(io.BytesIO(f"Id,Name\n1,a\n{line}\n2,b\n".encode())).rows)
    assert [(values[0], trouble) for values, trouble in found] == [("1", ""), ("3", told), ("2", "")]


def test_a_last_line_without_an_end_may_be_whole() -> None:
    assert rows(CSV, b"Id,Name\n1,a") == [("1", "a")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"Id,Na", "its last line has no end: it was cut short"),
        (b"Id,Name\n1,a\n2", "its last line has no end: it was cut short"),
        (b'Id,Name\n1,a\n2,"b', "line 3 cannot be read (unexpected end of data): it is damaged, or cut short"),
        (b'Id,Name\n1,"a" b\n', "line 2 cannot be read (',' expected after '\"'): it is damaged, or cut short"),
        (b"Id,Name\n1,Zo\xe9\n", 'line 2 is not utf-8: say how it is written, such as encoding = "cp1252", or mend it'),
        (b"Id,Name\n1,a\n\0\0\0\0\n", "line 3 holds zero bytes: it is damaged, or not utf-8"),
        ("Id,Name\n1,a\n".encode("utf-16"), 'it is UTF-16: say so, encoding = "utf-16"'),
        (b"PK\x03\x04\x14\0", "it is an archive: unpack it (a single file may be compressed, as .gz, .bz2, .xz or .zst)"),
        (gzip.compress(b"Id,Name\n1,a\n", mtime=0), "it is compressed, and its name does not say so: let it end in .gz"),
        (b"Id,Name,Id\n1,a,b\n", "its header has two columns Id: rename one of them"),
        (b"1,Ann\n2,Bea\n", "its header has no column Id: is the header missing, or is it another file?"),
        (b"id ,Name\n1,a\n", "its header has no column Id (but id): is the header missing, or is it another file?"),
    ],
)
def test_csv_that_is_not_whole_is_refused(content: bytes, why: str) -> None:
    assert refusal(CSV, content) == why


def test_a_last_line_without_an_end_is_refused_where_every_line_has_one() -> None:
    assert refusal(Delimited("Id", Dialect(final_newline=True)), b"Id,Name\n1,a\n2,b").endswith("cut short")


def test_a_header_that_is_a_customer_is_not_shown() -> None:
    told = refusal(CSV, b"7,Ann Secret,ann@example.org\n8,Bea,bea@example.org\n")
    assert "Ann" not in told
    assert "@" not in told


# ---- JSON lines and JSON


def test_json_lines_hold_exact_values() -> None:
    content = '{"Id": 1, "Price": 12.50, "Name": "Zoë", "Ok": true}\n\n{"Id": "2", "Tags": ["a"], "Name": null}'.encode()
    assert rows(JsonLines(), content) == [
        {"Id": 1, "Price": Decimal("12.50"), "Name": "Zoë", "Ok": True},
        {"Id": "2", "Tags": ["a"], "Name": None},
    ]
    assert columns(JsonLines(), content) == {
        "Id": "integer or text",
        "Price": "decimal",
        "Name": "text",
        "Ok": "boolean",
        "Tags": "list",
    }


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b'{"Id": 1}\n{"Id": 2, "Na', "line 2 is not JSON: it is damaged, or cut short"),
        (b'{"Id": 1}\n{"Id": NaN}\n', "line 2 is not JSON: it is damaged, or cut short"),
        (b'{"Id": 1}\n[2]\n', "line 2 is no JSON object"),
        (gzip.compress(b'{"Id": 1}', mtime=0), "it is compressed, and its name does not say so: let it end in .gz"),
        (b"[" * 99_999, "line 1 is not JSON: it is damaged, or cut short"),
        (b'{"Id": "\xe9"}', 'line 1 is not utf-8: say how it is written, such as encoding = "cp1252", or mend it'),
    ],
)
def test_json_lines_that_are_not_whole_are_refused(content: bytes, why: str) -> None:
    assert refusal(JsonLines(), content) == why


@pytest.mark.parametrize(
    ("items", "content"),
    [
        (None, '[{"Id": 1}, {"Id": 2.50}]'),
        (None, '\ufeff \n[ {"Id": 1} , {"Id": 2.50} ]\n'),
        ("data", '{"page": 12, "data": [{"Id": 1}, {"Id": 2.50}], "more": {"a": [1, "]"]}}'),
        ("data.customers", '{"data": {"n": -1.5e+7, "customers": [{"Id": 1}, {"Id": 2.50}], "x": null}, "ok": true}'),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 1 << 16])
def test_json_is_read_object_by_object_wherever_its_list_is(
    items: str | None, content: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "CHUNK", chunk)
    assert rows(JsonDocument(items=items), content.encode()) == [{"Id": 1}, {"Id": Decimal("2.50")}]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=9,
)


@given(st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=4), VALUES, st.sampled_from([1, 5, 64]))
def test_whatever_json_there_is_comes_out_as_it_went_in(items: list[dict[str, Any]], other: Any, chunk: int) -> None:
    content = json.dumps({"before": other, "data": items, "after": other}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "CHUNK", chunk)
        found = rows(JsonDocument(items="data"), content)
        assert found == json.loads(json.dumps(items), parse_float=Decimal)
        for length in range(0, len(content), max(1, len(content) // 9)):
            refusal(JsonDocument(items="data"), content[:length])


@pytest.mark.parametrize(
    ("items", "content", "why"),
    [
        (None, b"", "it is not JSON: it is damaged, or cut short"),
        (None, b'[{"Id": 1}, {"Id"', "it is not JSON: it is damaged, or cut short"),
        (None, b'[{"Id": 1}] {"Id": 2}', "it is not JSON: it is damaged, or cut short"),
        (None, b'[{"Id": 1} {"Id": 2}]', "it is not JSON: it is damaged, or cut short"),
        (None, b'[{"Id": 1}, 2]', "its list holds something that is no JSON object"),
        (None, b'{"data": []}', "it is no list; say where it is: items"),
        ("data", b'{"date": []}', "there is no list at items = 'data'"),
        ("data", b'{"data": {}}', "there is no list at items = 'data'"),
        ("data", b'{"data": [{"Id": 1}]', "it is not JSON: it is damaged, or cut short"),
        (None, b'[{"Id": "\xe9"}]', 'it is not utf-8: say how it is written, such as encoding = "cp1252", or mend it'),
    ],
)
def test_json_that_is_not_whole_is_refused(items: str | None, content: bytes, why: str) -> None:
    assert refusal(JsonDocument(items=items), content) == why


def test_a_text_without_its_end_is_not_held_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "LONGEST", 1 << 18)
    held = io.BytesIO(b'[{"Id": "' + b"x" * (1 << 22) + b'"}]')
    assert refusal(JsonDocument(), held) == "it is not JSON: it is damaged, or cut short"
    assert held.tell() < 1 << 21


# ---- Parquet and Excel


def parquet(table: Mapping[str, Any], **options: Any) -> bytes:
    arrow, writer = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    writer.write_table(arrow.table(dict(table), **options), out)
    return out.getvalue()


def test_parquet_holds_typed_values() -> None:
    arrow = pytest.importorskip("pyarrow")
    moment = datetime(2026, 11, 22, 10, 30, 0, 123456, tzinfo=UTC)
    content = parquet(
        {
            "Id": [1],
            "Price": [Decimal("12.50")],
            "Moved": arrow.array([moment], arrow.timestamp("ns", "UTC")),
            "Born": [date(2000, 1, 2)],
            "Tags": [["a", "b"]],
            "Name": ["Zoë"],
            "None": arrow.array([None], arrow.string()),
        }
    )
    assert rows(Parquet("Id"), content) == [(1, Decimal("12.50"), moment, date(2000, 1, 2), ["a", "b"], "Zoë", None)]
    assert columns(Parquet("Id"), content)["Price"] == "decimal128(4, 2)"


def test_parquet_that_is_not_whole_is_refused() -> None:
    content = parquet({"Id": list(range(5000)), "Name": ["x" * 20] * 5000})
    cut = "it is not Parquet: it is damaged, or cut short"
    assert [refusal(Parquet("Id"), content[:length]) for length in (0, 4, len(content) // 2, len(content) - 1)] == [cut] * 4
    assert refusal(Parquet("Key"), content) == "its header has no column Key: is the header missing, or is it another file?"
    damaged = content[:4] + bytes(200) + content[204:]
    assert refusal(Parquet("Id"), damaged) == "it cannot be read to its end: it is damaged"


def excel(*lines: tuple[Any, ...], sheets: tuple[str, ...] = ("Customers",)) -> bytes:
    book = pytest.importorskip("openpyxl").Workbook()
    book.remove(book.active)
    for name in sheets:
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_excel_holds_typed_values() -> None:
    content = excel(("Id", "Price", "Moved", None, "Name"), (1, 12.5, datetime(2026, 11, 22), "x", "Zoë"), (), (2,))  # noqa: DTZ001 - a cell without a zone
    assert rows(Excel("Id"), content) == [(1, 12.5, datetime(2026, 11, 22), "Zoë"), (2, None, None, None)]  # noqa: DTZ001 - as above
    assert columns(Excel("Id"), content) == dict.fromkeys(["Id", "Price", "Moved", "Name"], "")


def test_one_sheet_is_meant_or_named() -> None:
    content = excel(("Id",), (1,), sheets=("Old", "Now"))
    assert rows(Excel("Id", "Now"), content) == [(1,)]
    assert refusal(Excel("Id"), content) == "it has 2 sheets: say which one, sheet = ..."
    assert refusal(Excel("Id", "New"), content) == "it has no sheet New"


def test_a_row_with_an_error_of_excels_is_told() -> None:
    content = excel(("Id", "Name"), (1, "#N/A"), (2, "Bea"), (3, "Cem", "beyond"))
    assert [trouble for _, trouble in Excel("Id").read(io.BytesIO(content)).rows] == [
        "line 2 has an error of Excel's in column Name",
        "",
        "line 4 has values beyond the header",
    ]


def test_excel_that_is_not_whole_is_refused() -> None:
    content = excel(("Id", "Name"), *((number, "x") for number in range(99)))
    told = "it is not an Excel workbook (.xlsx): it is damaged, or cut short"
    assert [refusal(Excel("Id"), content[:length]) for length in (0, 9, len(content) // 2, len(content) - 1)] == [told] * 4
    assert refusal(Excel("Key"), content) == "its header has no column Key: is the header missing, or is it another file?"


# ---- names and compression


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("a/customers.csv", "csv"),
        ("customers.TSV.gz", "csv"),
        ("customers.ndjson.zst", "jsonl"),
        ("s3://bucket/2026/customers.json.bz2", "json"),
        ("customers.parquet", "parquet"),
        ("customers.xlsx", "excel"),
        ("a.csv/customers", None),
        ("customers.gz", None),
    ],
)
def test_a_name_tells_the_format(path: str, format: str | None) -> None:
    assert format_of(path) == format


def zstd(content: bytes) -> bytes:
    packed: bytes = pytest.importorskip("backports.zstd").compress(content)
    return packed


@pytest.mark.parametrize(
    ("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstd)]
)
def test_what_is_compressed_is_read_and_refused_where_it_is_cut_short(ending: str, pack: Callable[[bytes], bytes]) -> None:
    content = b"Id,Name\n" + b"".join(b"%d,%d\n" % (number, number**9) for number in range(9999))
    packed = pack(content)
    assert unpacked(io.BytesIO(packed), "a.csv" + ending).read() == content
    told = "its compression is broken: it is damaged, or cut short"
    assert refusal(CSV, packed[:-9], "a.csv" + ending) == told
    assert refusal(CSV, packed[: len(packed) // 2] + b"\0\xff" * 999, "a.csv" + ending) == told
    assert refusal(CSV, content, "a.csv" + ending) == told


def test_a_library_that_is_missing_is_told_with_the_extra_that_brings_it() -> None:
    with pytest.raises(LibraryMissing, match=r"^no_such_library is needed to read it: pip install 'customer-sync\[parquet\]'$"):
        extra("no_such_library.part", "parquet")
