"""`kind = "file"`: files on this machine or in a remote store."""

from collections.abc import Mapping
from glob import has_magic
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from sync.settings.sources.base import SourceTable
from sync.settings.values import Duration, several
from sync.sources.exports import Order, Selection
from sync.sources.formats.choice import NAMES, WITHIN, FormatName, format_of, is_compressed
from sync.sources.remote import secrets_in, shown

OWN: Mapping[str, tuple[FormatName, ...]] = {
    "delimiter": ("csv",),
    "quote": ("csv",),
    "escape": ("csv",),
    "nulls": ("csv",),
    "final_newline": ("csv",),
    "encoding": ("csv", "jsonl", "json"),
    "items": ("json",),
    "sheet": ("excel",),
}
"""The formats for which a key means something."""


def _encoding(value: str) -> str:
    try:
        "".encode(value)
    except LookupError:
        raise PydanticCustomError("encoding", 'is no encoding, such as "utf-8", "utf-16" or "cp1252"') from None
    return value


Sign = Annotated[str, Field(min_length=1, max_length=1)]
Encoding = Annotated[str, AfterValidator(_encoding)]
Nulls = Annotated[tuple[str, ...], BeforeValidator(several)]


class FileTable(SourceTable):
    """`[sources.NAME]` with `kind = "file"`."""

    kind: Literal["file"] = Field(description="one file, or those that a pattern names")
    path: str = Field(min_length=1, repr=False, description="a path or URL; * and ** name several files")
    files: Selection | None = Field(
        default=None, description="newest: it holds all customers; parts: all files together do; increments: each what is new"
    )
    order: Order = Field(default="name", description="by what files are newer: their name, or when they were last written to")
    settle: Duration = Field(default="10s", validate_default=True, description="how long nobody must have written to a file")
    format: FormatName | None = Field(default=None, description="by default what the path's ending says")
    encoding: Encoding = "utf-8"
    delimiter: Sign | None = Field(default=None, description="by default the one that makes the key a column of the header")
    quote: Sign | None = '"'
    escape: Sign | None = None
    nulls: Nulls = Field(default=("",), description="the texts that stand for no value")
    final_newline: bool = Field(default=False, description="refuse a file whose last line has no end")
    items: str | None = Field(default=None, min_length=1, description="the dotted path to the list in a JSON document")
    sheet: str | None = Field(default=None, min_length=1, description="by default the only one")
    options: dict[str, Any] = Field(
        default_factory=dict, repr=False, description="what the remote store needs, as fsspec calls it; credentials among it"
    )

    @property
    def chosen_format(self) -> FormatName | None:
        """As said, or by the path's ending."""
        return self.format or format_of(self.path)

    @property
    def remote(self) -> bool:
        """Whether the path is the URL of a store."""
        return "://" in self.path

    @model_validator(mode="after")
    def _clear(self) -> Self:
        known = self.chosen_format
        if self.cursor is not None:
            raise ValueError("a file is read as a whole and compared by content: leave cursor out")
        if self.files is None and has_magic(self.path):
            raise ValueError('path names several files: say what they are, files = "newest", "parts" or "increments"')
        if self.path.lower().endswith(".zip"):
            raise ValueError("an archive is not read: unpack it, or compress the file alone, such as customers.csv.gz")
        if known is None:
            raise ValueError("path does not tell the format: add format, one of " + ", ".join(NAMES))
        if known in WITHIN and is_compressed(self.path):
            raise ValueError(f"a file in the format {known} cannot be compressed once more")
        if self.options and not self.remote:
            raise ValueError("options are for a path that is a URL, such as s3://bucket/customers.csv")
        strange = [key for key, formats in OWN.items() if key in self.model_fields_set and known not in formats]
        if strange:
            raise ValueError(f"{strange[0]} means nothing for the format {known}")
        return self

    def reading(self) -> tuple[object, ...]:
        """Where, which files, and how they are understood; credentials are not part of it."""
        path = shown(self.path) if self.remote else self.path
        dialect = (self.encoding, self.delimiter, self.quote, self.escape, self.nulls, self.items, self.sheet)
        return (self.kind, path, self.key, self.files, self.order, self.chosen_format, dialect)

    @property
    def partial(self) -> str:
        """Only a set of increments does not."""
        return "holds increments, which never show everybody: nobody can be gone from it" if self.files == "increments" else ""

    @property
    def offline(self) -> bool:
        """A file that is there; a pattern may find files at any time."""
        return not self.remote and Path(self.path).expanduser().exists()

    @property
    def missing(self) -> Path | None:
        """One file of this machine; a pattern may find files later."""
        path = Path(self.path).expanduser()
        return None if self.remote or has_magic(self.path) or path.exists() else path

    @property
    def secrets(self) -> tuple[str, ...]:
        """What the store is shown."""
        return secrets_in(self.path, self.options) if self.remote else ()
