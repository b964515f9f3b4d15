"""OAuth client credentials with an administrator's name in base64, or a refresh token -> a token; JSON throughout."""

import base64
import binascii
from typing import Final

from sync.sandbox.doors.tokens import FOREVER, Tokens, filled
from sync.sandbox.schemas.webcommander import problem
from sync.sandbox.switches import Read
from sync.sandbox.talk import Answer, Asked, answer

WHO: Final = ("sandbox", "sandbox-password")
CLIENT: Final = {"client_id": "sandbox", "client_secret": "sandbox-secret"}


class WebCommanderDoor:
    """POST oauth2/token."""

    def __init__(self, switch: Read, every: Read) -> None:
        self.tokens, self.refreshes = Tokens(), Tokens()
        self._switch, self._every = switch, every

    def sign_in(self, asked: Asked) -> Answer:
        """A token and a refresh token, or 401."""
        sent = asked.tree() or {}
        if not filled(sent, CLIENT, self._every("credentials")):
            return problem(401, "Invalid client credentials")
        if sent.get("grant_type") == "refresh_token":
            return self._refresh(str(sent.get("refresh_token") or ""))
        if sent.get("grant_type") != "client_credentials":
            return problem(400, "Unsupported grant type")
        if not self._admin(str(sent.get("auth_string") or "")):
            return problem(401, "Invalid credentials")
        return self._issued(self.refreshes.issue(FOREVER))

    def refused(self, asked: Asked) -> Answer | None:
        """None for a good token, in a header that is accepted."""
        header = self._switch("header")
        tokens = [asked.bearer()] if header != "access_token" else []
        tokens += [asked.headers.get("access_token", "")] if header != "bearer" else []
        return None if any(map(self.tokens.good, tokens)) else problem(401, "Invalid or expired access token")

    def _admin(self, auth_string: str) -> bool:
        try:
            name, _, password = base64.b64decode(auth_string, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return (name, password) == WHO if self._every("credentials") == "sandbox" else bool(name and password)

    def _refresh(self, refresh: str) -> Answer:
        if not self.refreshes.good(refresh):
            return problem(401, "Invalid refresh token")
        if self._switch("refresh") == "rotate":
            self.refreshes.revoke(refresh)
            refresh = self.refreshes.issue(FOREVER)
        return self._issued(refresh)

    def _issued(self, refresh: str) -> Answer:
        lifetime = self._switch("token_lifetime")
        tokens = {"access_token": self.tokens.issue(lifetime), "refresh_token": refresh, "expires_in": int(lifetime)}
        return answer(self._switch("token_status"), tokens)
