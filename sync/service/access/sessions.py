"""Sessions <-> signed cookies, and the token that every form of a session carries. Nothing is kept but who has logged out."""

import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Final

HOURS: Final = 12
LASTS: Final = HOURS * 3600
PARTS: Final = 4
MOST_ENDED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """A browser, known by a random `name` until `expires` (epoch seconds); a `member` has logged in."""

    name: str
    expires: int
    member: bool


class Sessions:
    """Those of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._ended: dict[str, int] = {}

    def begin(self, *, member: bool) -> Session:
        """A new one."""
        return Session(secrets.token_urlsafe(24), int(time.time()) + LASTS, member)

    def end(self, session: Session) -> None:
        """Its cookie is worth nothing from now on."""
        now = time.time()
        self._ended = {name: expires for name, expires in self._ended.items() if expires > now}
        while len(self._ended) >= MOST_ENDED:
            self._ended.pop(next(iter(self._ended)))
        self._ended[session.name] = session.expires

    def cookie(self, session: Session) -> str:
        """What the browser keeps."""
        told = f"{session.name}.{session.expires}.{int(session.member)}"
        return f"{told}.{self._sign('session', told)}"

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None where it is not one of ours, or over."""
        told, _, signature = cookie.rpartition(".")
        parts = cookie.split(".")
        if len(parts) != PARTS or not _is(signature, self._sign("session", told)):
            return None
        session = Session(parts[0], int(parts[1]), parts[2] == "1")
        return session if session.expires > time.time() and session.name not in self._ended else None

    def token(self, session: Session) -> str:
        """What a form of this session carries, so that nobody else's form is taken for one of ours."""
        return self._sign("form", session.name)

    def is_token(self, session: Session, token: str) -> bool:
        """Whether a form is one of this session."""
        return _is(token, self.token(session))

    def _sign(self, what: str, text: str) -> str:
        return hmac.new(self._key, f"{what}\0{text}".encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _is(text: str, expected: str) -> bool:
    return hmac.compare_digest(text.encode("utf-8", "surrogatepass"), expected.encode())
