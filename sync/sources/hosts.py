"""A file of known hosts -> whether an SFTP server is the one that it says it is (paramiko, an extra)."""

from pathlib import Path
from typing import Any

from sync.sources.formats.base import extra


def known_hosts(path: str) -> Any:
    """A policy of paramiko's: a server whose key the file does not hold is not spoken to, so that it never sees a password."""
    paramiko = extra("paramiko", "sftp")
    file = Path(path).expanduser()

    class KnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc, name-defined]
        def missing_host_key(self, _client: Any, hostname: str, key: Any) -> None:
            known = paramiko.HostKeys(str(file) if file.exists() else None)
            if not known.check(hostname, key):
                raise paramiko.SSHException(f"the key of {hostname} is not in {path}: see that it is right, and add it there")

    return KnownHosts()
