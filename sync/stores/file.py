"""The state's file: its lock, its schema, its key, and what is wrong with it in words."""

import fcntl
import os
import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path

from sync.errors import StateError
from sync.stores.migrations import MIGRATIONS

KEY_BYTES = 32


def secret_key(path: Path) -> bytes:
    """The key of all fingerprints and digests, in a file beside the state, so that a copy of the state alone tells nothing.

    Without a file it is a new one, which is not written: a dry run has no other. Raises StateError.
    """
    place = _key_file(path)
    try:
        return _read_key(place) if place.exists() else secrets.token_bytes(KEY_BYTES)
    except (OSError, ValueError) as error:
        raise StateError(f"{place}: {meaning(error)}") from None


def keep_key(path: Path, key: bytes) -> None:
    """Writes a new key down. Raises StateError, also where another process has written another one meanwhile."""
    place = _key_file(path)
    try:
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            _write_key(place, key)
    except OSError as error:
        raise StateError(f"{place}: {meaning(error)}") from None
    if secret_key(path) != key:
        raise StateError(f"{place}: another customer-sync has just made a key: run again")


def _key_file(path: Path) -> Path:
    return path.with_name(path.name + ".key")


def _read_key(place: Path) -> bytes:
    """Half a key would make fingerprints that anybody can compute."""
    with suppress(ValueError):
        if len(key := bytes.fromhex(place.read_text().strip())) == KEY_BYTES:
            return key
    raise ValueError(f"not a key of {KEY_BYTES} bytes: restore it, or move it away, and every customer is compared anew")


def _write_key(place: Path, key: bytes) -> None:
    """All of it or nothing."""
    new = place.with_name(place.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(place)


def is_locked(path: Path) -> bool:
    """Whether a process runs on this state just now."""
    try:
        handle = os.open(path.with_name(path.name + ".lock"), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def lock(path: Path) -> int:
    """Keeps other processes from running on this state until the handle is closed. Raises StateError, OSError."""
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 20).decode().strip()
        os.close(handle)
        raise StateError(f"{path}: another customer-sync (process {holder or '?'}) is running on this state") from None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    return handle


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Brings the schema up to date, in one transaction. Raises StateError."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        same_schema(connection, path)
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StateError(f"{path}: this is somebody else's database, and no state of customer-sync: name another file")
    if missing := MIGRATIONS[version:]:
        connection.executescript(f"BEGIN IMMEDIATE; {'; '.join(missing)}; PRAGMA user_version = {len(MIGRATIONS)}; COMMIT;")


def same_schema(connection: sqlite3.Connection, path: Path) -> None:
    """For reading alone, the schema has to be this program's. Raises StateError."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StateError(
            f"{path}: written by a newer customer-sync (schema {version}, this one knows {len(MIGRATIONS)}): update it"
        )
    if version < len(MIGRATIONS):
        raise StateError(
            f"{path}: written by an older customer-sync (schema {version}): `customer-sync run` brings it up to date"
        )


def meaning(error: Exception) -> str:
    """What SQLite or the system says, and what to do about it."""
    text = str(error)
    advice = {
        "database is locked": "it is locked by another program: end that, or wait",
        "database or disk is full": "the disk is full, or the temporary one: nothing was sent that could not be written down",
        "disk I/O error": "the disk does not take what is written (is it full?), or does not give it back: look at it first",
        "file is not a database": "this is no state of customer-sync: name another file, or restore a backup",
        "database disk image is malformed": "the file is damaged: restore a backup, or move it away to start anew",
        "attempt to write a readonly database": "the file is read-only for this user: mend its rights",
    }
    return advice.get(text, error.strerror or text if isinstance(error, OSError) else text)
