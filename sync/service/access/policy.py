"""What a request shows of who sent it -> whether that is who may in. Pure, and in constant time."""

import hashlib
import hmac
from base64 import b64decode
from binascii import Error
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal

Scheme = Literal["bearer", "basic"]
OPEN: Final = frozenset({"healthz", "readyz"})
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Who may in: with `token`, or with `username` and `password`; with neither, everybody.

    The paths in `open` need neither. A request has to name one of `hosts`; none named: any. With `tls`, cookies go over TLS only.
    """

    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    open: frozenset[str] = OPEN
    hosts: frozenset[str] = frozenset()
    tls: bool = False

    @property
    def guarded(self) -> bool:
        """Whether anybody has to say who they are."""
        return bool(self.token or self.password)

    def knows_token(self, token: str) -> bool:
        """Whether this is the token."""
        return _same([(self.token, token)])

    def knows_user(self, username: str, password: str) -> bool:
        """Whether this is the user, by password."""
        return _same([(self.username, username), (self.password, password)])

    def knows(self, authorization: str) -> Scheme | None:
        """Who may in by this header, and how; None: nobody."""
        scheme, _, told = authorization.strip().partition(" ")
        if scheme.lower() == "bearer" and self.knows_token(told.strip()):
            return "bearer"
        if scheme.lower() == "basic" and self.knows_user(*_pair(told)):
            return "basic"
        return None

    def admits(self, host: str) -> bool:
        """Whether a request may call the service so. A page that has its own name point here is told by that name."""
        return not self.hosts or named(host) in self.hosts

    def key(self, secret: bytes) -> bytes:
        """Signs sessions: with other credentials, nobody is logged in any more."""
        told = f"{self.token}\0{self.username}\0{self.password}"
        return hmac.digest(secret, b"session\0" + told.encode(), hashlib.sha256)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def named(host: str) -> str:
    """A Host header without its port."""
    name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
    return name.lower().rstrip(".")


def _pair(told: str) -> tuple[str, str]:
    try:
        username, _, password = b64decode(told, validate=True).decode().partition(":")
    except (Error, UnicodeDecodeError):
        return "", ""
    return username, password


def _same(pairs: Iterable[tuple[str, str]]) -> bool:
    """All of them are looked at, whatever the first says, and none that is empty is ever the same."""
    found = [bool(ours) and hmac.compare_digest(_digest(ours), _digest(theirs)) for ours, theirs in pairs]
    return all(found)


def _digest(text: str) -> bytes:
    """Of one length, so that the length does not show."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
