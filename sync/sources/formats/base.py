"""What every format promises, and what they share: a file's bytes -> its columns and rows, or why it cannot be trusted."""

import io
from abc import abstractmethod
from codecs import lookup
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO, ClassVar, Protocol

Row = tuple[Any, str]
"""A row's values, a tuple in the order of the columns or a dict by name, and why nobody can tell what they are ("": one can)."""


EMPTY = "it is empty"
AHEAD = 1 << 16
SIGNS = {
    b"PK\x03\x04": "it is an archive: unpack it (a single file may be compressed, as .gz, .bz2, .xz or .zst)",
    b"\x1f\x8b": "it is compressed, and its name does not say so: let it end in .gz",
    b"\xff\xfe": 'it is UTF-16: say so, encoding = "utf-16"',
    b"\xfe\xff": 'it is UTF-16: say so, encoding = "utf-16"',
}
"""How files begin that are no text in the encoding that one would expect."""


class Damaged(Exception):
    """The file is cut short, damaged or not what it is said to be; its text is a sentence without any of the file's values."""


class LibraryMissing(Exception):
    """The file is fine, but what reads it is not installed; its text says how to install it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is in a file. Where no header declares the `columns`, they grow while the `rows` are read."""

    columns: Mapping[str, str]
    rows: Iterator[Row]


class Format(Protocol):
    """One way to write rows."""

    declares: ClassVar[bool]
    """Whether a file's head names all its columns; otherwise only its last row tells."""

    @abstractmethod
    def read(self, file: BinaryIO) -> Sheet:
        """The file from its beginning to its end, whole: the last row comes only if nothing is missing. Raises Damaged."""


def checked(names: Sequence[str], key: str) -> Sequence[str]:
    """The names of a header; those that are empty name nothing. Raises Damaged, and quotes nothing that may be a customer's."""
    if key not in names:
        raise Damaged(f"its header has no column {key}{_resembling(key, names)}: is the header missing, or is it another file?")
    for place, name in enumerate(names):
        if name and name in names[:place]:
            raise Damaged(f"its header has two columns {name}: rename one of them")
    return names


def extra(module: str, name: str) -> Any:
    """A module that only an extra brings along. Raises LibraryMissing."""
    try:
        return import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise LibraryMissing(f"{package} is needed to read it: pip install 'customer-sync[{name}]'") from None


def text_of(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """The file as text, with its line ends as they are; a byte order mark is none of its text. Raises Damaged."""
    lent = io.BufferedReader(_Lent(file), AHEAD)
    start = lent.peek(AHEAD)
    said = next((said for sign, said in SIGNS.items() if start.startswith(sign)), "")
    if said and not lookup(encoding).name.startswith(("utf-16", "utf-32")):
        raise Damaged(said)
    return io.TextIOWrapper(lent, "utf-8-sig" if lookup(encoding).name == "utf-8" else encoding, newline="")


def not_text(error: UnicodeError, line: int, encoding: str) -> Damaged:
    """A line that is not in the encoding in which it should be; text is decoded some lines ahead of `line`."""
    ahead = error.object[: error.start].count(b"\n") if isinstance(error, UnicodeDecodeError) else 0
    return Damaged(f'line {line + ahead} is not {encoding}: say how it is written, such as encoding = "cp1252", or mend it')


class _Lent(io.RawIOBase):
    """Text that is no longer read closes what it was read from; the file is its opener's to close."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._file.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _resembling(key: str, names: Sequence[str]) -> str:
    """Only what is the key but for its spelling: if this is no header, everything else in it is a customer's."""
    found = next((name for name in names if _plain(name) == _plain(key)), None)
    return f" (but {found})" if found else ""


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()
