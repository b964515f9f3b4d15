"""A URL -> the files in a remote store, and their bytes, by fsspec (an extra).

Nothing that a store says reaches a person with a credential in it.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from glob import has_magic
from shutil import copyfileobj
from typing import Any, BinaryIO

from sync.errors import SourceError
from sync.sources.formats.base import LibraryMissing, extra
from sync.sources.hosts import known_hosts
from sync.sources.places import CHUNK, File, Place, digest_of

MODIFIED = ("mtime", "LastModified", "last_modified", "updated", "created")
"""What the stores call the time of the last change, and the digest of a file's content."""
ETAGS = ("ETag", "etag")
EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "az": "azure", "sftp": "sftp", "ssh": "sftp"}
"""What brings the library for a scheme along."""


class Remote(Place):
    """Files in a store that fsspec knows: `s3://`, `gs://`, `abfs://`, `sftp://` and others; `options` are fsspec's for it."""

    def __init__(self, name: str, url: str, options: Mapping[str, Any]) -> None:
        self._name = name
        self._url = url
        self._options = options
        self._secrets = secrets_in(url, options)
        self._extra = EXTRAS.get(url.partition("://")[0], "remote")
        self.where = shown(url)
        self._system: Any = None
        self._path = ""

    def find(self) -> list[File]:
        """As the store says now, not as it was when it was last asked."""
        with self._told():
            if self._system is None:
                self._system, self._path = extra("fsspec.core", self._extra).url_to_fs(self._url, **self._connecting())
            self._system.invalidate_cache()
            return [_in_store(path, info) for path, info in self._listed().items() if info.get("type", "file") == "file"]

    def content(self, file: File) -> str:
        """The store's own digest, where it has one."""
        if file.etag:
            return file.etag
        with self._told(), self._system.open(file.path, "rb") as opened:
            return digest_of(opened)

    def open(self, file: File) -> BinaryIO:
        """A copy of it, without a name, so that whatever the store has to say is said before the first row is read."""
        copy = tempfile.TemporaryFile(prefix="customer-sync-")  # noqa: SIM115 - closed by the caller
        with self._told(), self._system.open(file.path, "rb") as opened:
            copyfileobj(opened, copy, CHUNK)
        copy.seek(0)
        return copy

    def holds(self, file: File, content: str) -> bool:
        """The store was asked for its bytes once, and for its time before and after that."""
        return bool(content) and file in self.find()

    def _connecting(self) -> Mapping[str, Any]:
        """Fsspec would trust any key that an SFTP server shows it."""
        if self._extra != "sftp" or "host_key_policy" in self._options:
            return self._options
        options = dict(self._options)
        policy = known_hosts(str(options.pop("known_hosts", "~/.ssh/known_hosts")))
        return {**options, "host_key_policy": policy}

    def _listed(self) -> Mapping[str, Mapping[str, Any]]:
        if has_magic(self._path):
            found: Mapping[str, Mapping[str, Any]] = self._system.glob(self._path, detail=True)
            return found
        try:
            return {self._path: self._system.info(self._path)}
        except FileNotFoundError:
            return {}

    @contextmanager
    def _told(self) -> Iterator[None]:
        """In one line, and without what must stay secret."""
        try:
            yield
        except LibraryMissing as error:
            raise SourceError(f"{self._name}: {error}") from None
        except ImportError as error:
            raise SourceError(f"{self._name}: {error}: pip install 'customer-sync[{self._extra}]'") from None
        except Exception as error:  # noqa: BLE001 - every store has errors of its own
            reason = " ".join(str(error).split()) or type(error).__name__
            for secret in self._secrets:
                reason = reason.replace(secret, "***")
            raise SourceError(f"{self._name}: {self.where}: {reason}") from None


def shown(url: str) -> str:
    """The address as a person may see it: without a user, a password and a signed query."""
    scheme, host, path = _parts(url)
    return f"{scheme}://{host.rpartition('@')[2]}{path.partition('?')[0]}"


def secrets_in(url: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """What must not appear in any message: every text among the options, and the URL's user, password and query."""
    _, host, path = _parts(url)
    user = host.rpartition("@")[0]
    return tuple(filter(None, (*_texts(options), user, user.partition(":")[2], path.partition("?")[2])))


def _parts(url: str) -> tuple[str, str, str]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme, host, slash + path


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from _texts(value)


def _in_store(path: str, info: Mapping[str, Any]) -> File:
    size = int(info.get("size") or 0)
    modified = next((info[name] for name in MODIFIED if info.get(name)), 0)
    etag = next((str(info[name]) for name in ETAGS if info.get(name)), "")
    return File(path, size, _epoch(modified), f"{size} {modified} {etag}", etag)


def _epoch(moment: Any) -> float:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return float(moment)
