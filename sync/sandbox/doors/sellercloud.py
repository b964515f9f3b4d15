"""Username and password -> a bearer token with its two odd dots; no refresh."""

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from sync.sandbox.doors.tokens import Tokens, filled
from sync.sandbox.switches import Read
from sync.sandbox.talk import Answer, Asked, answer

WHO: Final = {"Username": "sandbox", "Password": "sandbox-password"}


class SellercloudDoor:
    """POST token, as JSON or as a form."""

    def __init__(self, switch: Read, every: Read) -> None:
        self.tokens = Tokens()
        self._switch, self._every = switch, every

    def sign_in(self, asked: Asked) -> Answer:
        """A token, or the status that is switched for a refusal."""
        sent = asked.tree() or dict(parse_qsl(asked.body.decode("utf-8", "replace")))
        if not filled(sent, WHO, self._every("credentials")):
            said = "Sorry, invalid username or password"
            return answer(self._switch("bad_credentials_status"), {"Message": said})
        lifetime, now = float(self._switch("token_lifetime")), datetime.now(UTC)
        token = {
            "access_token": self.tokens.issue(lifetime),
            "token_type": "Bearer",
            "username": sent["Username"],
            "expires_in": lifetime,
            ".issued": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            ".expires": f"{now + timedelta(seconds=lifetime):%Y-%m-%dT%H:%M:%SZ}",
        }
        return answer(200, token)

    def refused(self, asked: Asked) -> Answer | None:
        """None for a good token."""
        if self.tokens.good(asked.bearer()):
            return None
        return answer(401, {"Message": "Not Valid Token"}, reason="Invalid token")
