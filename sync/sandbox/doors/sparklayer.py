"""OAuth client credentials in JSON and a Site-Id -> a token for that site; no refresh, and no call without a Site-Id."""

from typing import Final

from sync.sandbox.doors.tokens import Tokens, filled
from sync.sandbox.schemas.sparklayer import problem
from sync.sandbox.switches import Read
from sync.sandbox.talk import Answer, Asked, answer

SITE: Final = "sandbox"
CLIENT: Final = {"client_id": "sandbox", "client_secret": "sandbox-secret"}


class SparkLayerDoor:
    """POST api/auth/token."""

    def __init__(self, switch: Read, every: Read) -> None:
        self.tokens = Tokens()
        self._switch, self._every = switch, every

    def sign_in(self, asked: Asked) -> Answer:
        """A token, or 400 and 401."""
        if refused := self._off_site(asked):
            return refused
        sent = asked.tree()
        if sent is None or sent.get("grant_type") != "client_credentials":
            return problem(400, "Bad Request", "The body must be JSON with grant_type client_credentials")
        if not filled(sent, CLIENT, self._every("credentials")):
            return problem(401, "Unauthorized", "The client credentials are not valid")
        lifetime = self._switch("token_lifetime")
        token = self.tokens.issue(lifetime, asked.headers["Site-Id"])
        return answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime)})

    def refused(self, asked: Asked) -> Answer | None:
        """None for a token of the site that is named."""
        if refused := self._off_site(asked):
            return refused
        good = self.tokens.good(asked.bearer(), asked.headers["Site-Id"])
        return None if good else problem(401, "Unauthorized", "The access token is not valid for this site, or has expired")

    def _off_site(self, asked: Asked) -> Answer | None:
        site = asked.headers.get("Site-Id", "")
        if not site:
            return problem(self._switch("missing_site_status"), "Bad Request", "The Site-Id header is missing")
        if self._every("credentials") == "sandbox" and site != SITE:
            return problem(401, "Unauthorized", "There is no such site")
        return None
