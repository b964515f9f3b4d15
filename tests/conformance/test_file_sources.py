"""What a file holds reaches the customer, in every format."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sync.app.sources import open_file
from sync.settings.sources.file import FileTable
from tests.conformance.grounds import KEY, one


async def test_decimals_and_times_with_their_zone_are_kept(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    moment = datetime(2026, 11, 22, 10, tzinfo=UTC)
    price = Decimal("12345678901234567890.10")
    parquet.write_table(arrow.table({"Id": [1], "Price": [price], "Moved": [moment]}), tmp_path / "customers.parquet")
    (tmp_path / "customers.json").write_text(
        '[{"Id": 1, "Price": 12345678901234567890.10, "Moved": "2026-11-22T10:00:00+00:00"}]'
    )
    for name, moved in (("customers.parquet", moment), ("customers.json", moment.isoformat())):
        table = FileTable.model_validate({"kind": "file", "path": str(tmp_path / name), "key": "Id", "settle": "0s"})
        source = open_file("crm", table, KEY)
        assert (await one(source)).values == {"Id": 1, "Price": price, "Moved": moved}
        await source.close()
