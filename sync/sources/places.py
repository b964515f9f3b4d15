"""A path or a pattern -> the files that are there now, and their bytes."""

import hashlib
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sync.errors import SourceError

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is now: `stamp` is another one whenever it has been written to.

    `modified` is in epoch seconds, 0 if nobody knows; `etag` is what the store itself says of its content.
    """

    path: str
    size: int
    modified: float
    stamp: str
    etag: str = ""

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.path.rsplit("/", 1)[-1]


class Place(Protocol):
    """Where files are. Its methods block, and raise SourceError."""

    where: str
    """The path or pattern, as messages show it."""

    @abstractmethod
    def find(self) -> list[File]:
        """Every file that is meant, in any order."""

    @abstractmethod
    def content(self, file: File) -> str:
        """A digest of the file's bytes."""

    @abstractmethod
    def open(self, file: File) -> BinaryIO:
        """Its bytes, from the beginning; they can be read in any order."""

    @abstractmethod
    def holds(self, file: File, content: str) -> bool:
        """Whether what was read of the file until now is still all of it."""


class Disk(Place):
    """Files on this machine."""

    def __init__(self, name: str, pattern: str) -> None:
        self._name = name
        self.where = str(Path(pattern).expanduser())

    def find(self) -> list[File]:
        """Folders are none."""
        pattern = self.where
        paths = map(Path, glob(pattern, recursive=True) if has_magic(pattern) else [pattern])  # noqa: PTH207 - Path.glob takes none that is absolute
        with self._told():
            return [_on_disk(path) for path in paths if path.is_file()]

    def content(self, file: File) -> str:
        """As it is now, which may be another one than it was."""
        with self._told(), Path(file.path).open("rb") as opened:
            return digest_of(opened)

    def open(self, file: File) -> BinaryIO:
        """In its place."""
        with self._told():
            return Path(file.path).open("rb")

    def holds(self, file: File, content: str) -> bool:
        """Somebody may have written to it without its time having moved."""
        return file in self.find() and self.content(file) == content

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SourceError(f"{self._name}: {error.filename or self.where}: {error.strerror}") from None


def digest_of(file: Any) -> str:
    """Of all that can still be read."""
    digest = hashlib.blake2b(digest_size=32)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _on_disk(path: Path) -> File:
    found = path.stat()
    return File(str(path), found.st_size, found.st_mtime, f"{found.st_size} {found.st_mtime_ns} {found.st_ino}")
