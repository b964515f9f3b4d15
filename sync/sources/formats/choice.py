"""A file's name -> the format of its rows and how it is compressed; a compressed file -> what is in it."""

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Literal, cast, get_args

from sync.sources.formats.base import Damaged, extra

FormatName = Literal["csv", "jsonl", "json", "parquet", "excel"]
NAMES: tuple[FormatName, ...] = get_args(FormatName)
WITHIN: tuple[FormatName, ...] = ("parquet", "excel")
"""Compressed within, and read from the end: these cannot be compressed once more."""
ENDINGS: dict[str, FormatName] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
}


def _zstd(file: BinaryIO) -> BinaryIO:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return cast(BinaryIO, extra(name, "zstd").open(file, "rb"))


UNPACKERS: dict[str, Callable[[BinaryIO], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _zstd}


def format_of(path: str) -> FormatName | None:
    """By the name's ending, behind which one of compression may stand; None: it says nothing."""
    ending = _ending(path.lower())
    path = path[: -len(ending)] if ending in UNPACKERS else path
    return ENDINGS.get(_ending(path.lower()))


def is_compressed(path: str) -> bool:
    """By the name's ending."""
    return _ending(path.lower()) in UNPACKERS


def unpacked(file: BinaryIO, path: str) -> BinaryIO:
    """What is in the file; reading it raises Damaged where its compression is broken or ends too early."""
    unpack = UNPACKERS.get(_ending(path.lower()))
    return io.BufferedReader(_Unpacked(unpack(file))) if unpack else file


def _ending(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return name[name.rfind(".") :] if "." in name else ""


class _Unpacked(io.RawIOBase):
    """Each kind of compression has its own errors."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._inner.readinto(buffer))
        except Exception:  # noqa: BLE001 - EOFError, OSError, zlib.error, LZMAError, ZstdError
            raise Damaged("its compression is broken: it is damaged, or cut short") from None
