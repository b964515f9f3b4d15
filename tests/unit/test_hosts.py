"""An SFTP server has to be known before anything is said to it."""

from pathlib import Path
from typing import Any

import pytest

from sync.sources.hosts import known_hosts

paramiko = pytest.importorskip("paramiko")


@pytest.fixture(scope="module")
def key() -> Any:
    return paramiko.ECDSAKey.generate()


@pytest.mark.parametrize("host", ["files.example.org", "[files.example.org]:2222"])
def test_a_server_whose_key_is_known_is_spoken_to(tmp_path: Path, key: Any, host: str) -> None:
    known = paramiko.HostKeys()
    known.add(host, key.get_name(), key)
    known.save(str(tmp_path / "known_hosts"))
    known_hosts(str(tmp_path / "known_hosts")).missing_host_key(None, host, key)


def test_a_server_with_another_key_or_none_that_is_known_is_not(tmp_path: Path, key: Any) -> None:
    path = str(tmp_path / "known_hosts")
    with pytest.raises(paramiko.SSHException, match=r"^the key of files\.example\.org is not in /.*/known_hosts: "):
        known_hosts(path).missing_host_key(None, "files.example.org", key)
    known = paramiko.HostKeys()
    known.add("files.example.org", key.get_name(), paramiko.ECDSAKey.generate())
    known.save(path)
    with pytest.raises(paramiko.SSHException, match=r"^the key of files\.example\.org is not in /.*/known_hosts: "):
        known_hosts(path).missing_host_key(None, "files.example.org", key)
