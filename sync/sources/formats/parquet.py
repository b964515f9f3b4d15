"""Parquet -> rows of typed values, a batch at a time (pyarrow, an extra)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from sync.sources.formats.base import Damaged, Format, Row, Sheet, checked, extra

BATCH = 2000


@dataclass(frozen=True, slots=True)
class Parquet(Format):
    """Its footer, at the very end, is read first: a file that was cut short has none."""

    declares: ClassVar[bool] = True
    key: str

    def read(self, file: BinaryIO) -> Sheet:
        """Types in Arrow's words."""
        arrow, parquet = extra("pyarrow", "parquet"), extra("pyarrow.parquet", "parquet")
        try:
            opened = parquet.ParquetFile(file)
        except (arrow.ArrowException, OSError):
            raise Damaged("it is not Parquet: it is damaged, or cut short") from None
        schema = opened.schema_arrow
        checked(schema.names, self.key)
        return Sheet({field.name: str(field.type) for field in schema}, _rows(opened, arrow))


def _rows(opened: Any, arrow: Any) -> Iterator[Row]:
    try:
        for batch in opened.iter_batches(BATCH):
            columns = [_exact(column, arrow).to_pylist() for column in batch.columns]
            for values in zip(*columns, strict=True):
                yield values, ""
    except (arrow.ArrowException, OSError):
        raise Damaged("it cannot be read to its end: it is damaged") from None


def _exact(column: Any, arrow: Any) -> Any:
    """Python's times end at microseconds."""
    kind = column.type
    if arrow.types.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(arrow.timestamp("us", kind.tz), safe=False)
    return column
