"""A plan <-> a file of lines: a head, an update a line with its exact requests, and a checksum; no secret is in it."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import orjson

from sync.errors import SyncError
from sync.model import Diff, Held, Hold, TargetPlan, Update
from sync.ports import SavedPlan
from sync.stores.codec import decode_changes, decode_holds, decode_requests, encode_changes, encode_holds, encode_requests

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SavedUpdate:
    """One update as it was planned: what changes, and (method, URL, body with secrets as `***`)."""

    customer: str
    id: str
    changes: Diff
    requests: tuple[tuple[str, str, str], ...] = ()
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedFile(SavedPlan):
    """A file that has been checked; `fingerprints` are those of its targets when it was made."""

    path: Path
    plan: str
    made: datetime
    fingerprints: Mapping[str, str]
    undoes: str = ""

    @property
    def name(self) -> str:
        """The plan's."""
        return self.plan

    def updates(self, target: str) -> Iterator[SavedUpdate]:
        """One target's updates, in the order of the plan."""
        return (_read(tree) for tree in self._trees(target) if "holds" not in tree)

    def held(self, target: str) -> Iterator[SavedUpdate]:
        """What gates held of one target when it was made."""
        return (_read(tree) for tree in self._trees(target) if "holds" in tree)

    def _trees(self, target: str) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as file:
            for line in file:
                tree = orjson.loads(line)
                if tree.get("target") == target:
                    yield tree


def save(path: Path, plan: str, fingerprints: Mapping[str, str], targets: Sequence[TargetPlan], *, undoes: str = "") -> int:
    """Writes a plan's updates, and what is held (mode 0600); returns how many updates. `undoes` is the run that it puts back.

    Raises SyncError.
    """
    head = {"format": FORMAT, "plan": plan, "made": datetime.now(UTC).isoformat(), "targets": fingerprints, "undoes": undoes}
    count = 0
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            checksum = hashlib.sha256()
            _write(file, checksum, orjson.dumps(head))
            for target in targets:
                for entry in target.entries():
                    if isinstance(entry, Update | Held):
                        _write(file, checksum, _line(target.target, entry))
                        count += isinstance(entry, Update)
            file.write(orjson.dumps({"checksum": checksum.hexdigest(), "updates": count}) + b"\n")
    except OSError as error:
        raise SyncError(f"cannot write {path}: {error.strerror}") from None
    return count


def open_saved(path: Path) -> SavedFile:
    """The plan in a file, if it is whole and unchanged. Raises SyncError."""
    try:
        with path.open("rb") as file:
            head = _read_head(file.readline())
            file.seek(0)
            _check(file)
    except OSError as error:
        raise SyncError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise SyncError(f"{path}: this is no plan that was saved by customer-sync, or it was changed or cut short") from None
    if head["format"] != FORMAT:
        raise SyncError(f"{path}: saved in format {head['format']}, this customer-sync knows {FORMAT}: plan again")
    return SavedFile(path, head["plan"], datetime.fromisoformat(head["made"]), head["targets"], head["undoes"])


def _read_head(line: bytes) -> dict[str, Any]:
    head: dict[str, Any] = orjson.loads(line)
    return {name: head[name] for name in ("format", "plan", "made", "targets", "undoes")}


def _check(file: IO[bytes]) -> None:
    """Raises ValueError unless the last line holds the checksum of all before it."""
    checksum, last = hashlib.sha256(), b""
    for line in file:
        checksum.update(last)
        last = line
    if orjson.loads(last)["checksum"] != checksum.hexdigest():
        raise ValueError("checksum")


def _line(target: str, entry: Update | Held) -> bytes:
    update = entry.update if isinstance(entry, Held) else entry
    tree: dict[str, Any] = {
        "target": target,
        "customer": update.customer,
        "id": update.identity.value,
        "changes": orjson.Fragment(encode_changes(update.changes)),
    }
    if isinstance(entry, Held):
        tree["holds"] = orjson.Fragment(encode_holds(entry.holds))
    else:
        tree["requests"] = orjson.Fragment(encode_requests(update.requests))
    return orjson.dumps(tree)


def _read(tree: Mapping[str, Any]) -> SavedUpdate:
    requests = decode_requests(orjson.dumps(tree.get("requests", ())))
    holds = decode_holds(orjson.dumps(tree.get("holds", ())))
    return SavedUpdate(tree["customer"], tree["id"], decode_changes(orjson.dumps(tree["changes"])), requests, holds)


def _write(file: IO[bytes], checksum: Any, line: bytes) -> None:
    file.write(line + b"\n")
    checksum.update(line + b"\n")
