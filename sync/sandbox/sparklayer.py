"""A request to SparkLayer's Core API v1 -> its answer: PATCH by internal or external id, a Site-Id on every call, RFC 7807."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from math import ceil
from typing import Any, ClassVar

from sync.sandbox.checks import complaints
from sync.sandbox.doors.sparklayer import SparkLayerDoor
from sync.sandbox.schemas.addresses import addressed, defaults, ids
from sync.sandbox.schemas.sparklayer import ADDRESS, DEFAULTS, INTERNAL, READ_ONLY, UPDATE, compact, problem, shown
from sync.sandbox.shelf import Held, Shelf
from sync.sandbox.switches import Read
from sync.sandbox.talk import Answer, Asked, Call, Simulated, Tree, answer


class SparkLayer(Simulated):
    """Its customers have an internal id (cu_...) and, most of them, an external one; either addresses them."""

    name: ClassVar[str] = "sparklayer"
    prefix: ClassVar[str] = "/sparklayer"
    id_at: ClassVar[tuple[str, ...]] = ("id",)

    def __init__(self, switch: Read, every: Read) -> None:
        self.shelf = Shelf()
        self._door, self._switch = SparkLayerDoor(switch, every), switch

    def call(self, asked: Asked) -> Call:
        """The token, one customer, all of them."""
        call = self._route(asked)
        return replace(call, act=lambda: self._bare(call.act()))

    def _route(self, asked: Asked) -> Call:
        match (asked.method, *asked.parts):
            case ("POST", "api", "auth", "token"):
                return Call("token", partial(self._door.sign_in, asked))
            case ("GET", "api", "v1", "customers"):
                return Call("list", partial(self._signed, asked, self._list))
            case ("POST", "api", "v1", "customers"):
                return Call("create", partial(self._signed, asked, partial(self._create, asked)))
            case ("GET", "api", "v1", "customers", id) if id:
                return Call("read", partial(self._signed, asked, partial(self._read, id)), id, self._key(id))
            case ("PATCH", "api", "v1", "customers", id) if id:
                return Call("update", partial(self._signed, asked, partial(self._update, asked, id)), id, self._key(id))
        return Call("other", partial(problem, 404, "Not Found", "There is nothing here"))

    def limited(self, seconds: float) -> Answer:
        """429; Retry-After in seconds, as a date, or missing."""
        after = {
            "seconds": {"Retry-After": str(ceil(seconds) or 1)},
            "date": {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds + 1), usegmt=True)},
        }
        return self._bare(problem(429, "Too Many Requests", "Slow down", headers=after.get(self._switch("retry_after"))))

    def expire(self, *, refresh: bool) -> None:
        """There are no refresh tokens."""
        del refresh
        self._door.tokens.expire()

    def broken(self) -> Answer:
        """Problem details with status 500."""
        return self._bare(problem(500, "Internal Server Error", "Something went wrong"))

    def conflict(self) -> Answer:
        """409: somebody else is writing this customer; it is worth another try."""
        return self._bare(problem(409, "Conflict", "The customer is being updated", {"": "concurrent_update"}))

    def seed(self, id: str, values: Mapping[str, Any]) -> None:
        """Fields by the names of PATCH; the id is internal if it begins with cu_, else external."""
        if wrong := complaints(values, UPDATE, unknown="refuse"):
            raise ValueError(str(wrong))
        held = self.shelf.get(self._key(id)) or self._adopted(id)
        self._write(held, held.values | {name: value for name, value in values.items() if name not in READ_ONLY})

    def _bare(self, said: Answer) -> Answer:
        """Some errors have no body; with the switch, none has."""
        if not said.error or self._switch("error_body") == "problem":
            return said
        return replace(said, body=b"", headers={name: text for name, text in said.headers.items() if name != "Content-Type"})

    def _signed(self, asked: Asked, act: Callable[[], Answer]) -> Answer:
        return self._door.refused(asked) or act()

    # ---- one customer

    def _key(self, id: str) -> str:
        return id if id.startswith(INTERNAL) else self.shelf.owner("external_id", id) or ""

    def _find(self, id: str) -> Held | Answer:
        if held := self.shelf.get(self._key(id)):
            return held
        adopt = self._switch("unknown_id") == "adopt"
        return self._adopted(id) if adopt else problem(404, "Not Found", "There is no such customer")

    def _adopted(self, id: str) -> Held:
        if id.startswith(INTERNAL):
            return self.shelf.add(id)
        held = self.shelf.add(self._free())
        self._write(held, {"external_id": id})
        return held

    def _free(self) -> str:
        return f"{INTERNAL}{self.shelf.free(1)}"

    def _read(self, id: str) -> Answer:
        held = self._find(id)
        return held if isinstance(held, Answer) else answer(200, shown(held))

    def _update(self, asked: Asked, id: str) -> Answer:
        held, sent = self._find(id), asked.tree()
        if isinstance(held, Answer):
            return held
        if sent is None:
            return problem(400, "Bad Request", "The body is not a JSON object declared as application/json")
        return self._written(200, held, sent)

    def _written(self, status: int, held: Held, sent: Tree) -> Answer:
        if wrong := self._complaints(sent) or self._homeless(held, sent):
            return problem(self._switch("validation_status"), "Validation Failed", "Some values do not fit", wrong)
        if taken := self._taken(held, sent):
            return problem(409, "Conflict", "Another customer has this value", taken)
        wrote = self._wrote(held, sent)
        after = {name: value for name, value in (held.values | wrote).items() if value is not None}
        self._write(held, after)
        return answer(status, shown(held), wrote=wrote)

    def _complaints(self, sent: Tree) -> dict[str, str]:
        unknown, checks, groups = self._switch("unknown_field"), dict(UPDATE), self._switch("groups")
        if self._switch("vatin") == "any":
            checks["vatin_numbers"] = UPDATE["price_lists"]
        wrong = complaints(sent, checks, unknown=unknown)
        if self._switch("read_only") == "refuse":
            wrong |= {name: "is read-only" for name in READ_ONLY if name in sent}
        if groups is not None and sent.get("group") not in {None, *groups}:
            wrong["group"] = "does not exist"
        if not wrong:
            for number, address in enumerate(sent.get("addresses") or []):
                inside = complaints(address, ADDRESS, unknown=unknown)
                wrong |= {f"addresses[{number}].{name}": complaint for name, complaint in inside.items()}
        return wrong

    def _taken(self, held: Held | None, sent: Tree) -> dict[str, str]:
        marks = {"email": str(sent.get("email") or "").casefold(), "external_id": sent.get("external_id") or ""}
        mine = {None, held and held.id}
        return {name: "duplicate" for name, mark in marks.items() if self.shelf.owner(name, mark) not in mine}

    def _wrote(self, held: Held, sent: Tree) -> Tree:
        nulls = self._switch("null") == "clear"
        kept = {name: value for name, value in sent.items() if name in UPDATE and (value is not None or nulls)}
        wrote = {name: value for name, value in kept.items() if name not in READ_ONLY}
        if wrote.get("metadata") and self._switch("metadata") == "merge":
            wrote["metadata"] = held.values.get("metadata", {}) | wrote["metadata"]
        if wrote.get("vatin_numbers") and self._switch("vatin_text") == "normalised":
            wrote["vatin_numbers"] = [compact(vatin) for vatin in wrote["vatin_numbers"]]
        if "addresses" in wrote:
            wrote["addresses"] = addressed(held, wrote["addresses"] or [], how=self._switch("addresses"))
        return wrote | defaults(held, wrote)

    def _homeless(self, held: Held, sent: Tree) -> dict[str, str]:
        if self._switch("unknown_address") == "adopt":
            return {}
        known = ids([*held.values.get("addresses", []), *(sent.get("addresses") or [])])
        return {name: "is not an address of this customer" for name in DEFAULTS if sent.get(name) and sent[name] not in known}

    def _write(self, held: Held, values: Tree) -> None:
        marks = {"email": str(values.get("email") or "").casefold(), "external_id": values.get("external_id") or ""}
        self.shelf.write(held, values, marks)

    # ---- many customers

    def _list(self) -> Answer:
        if not len(self.shelf) and self._switch("empty_list_status") == 204:  # noqa: PLR2004 - HTTP
            return Answer(204)
        return answer(200, [shown(held) for held in self.shelf])

    def _create(self, asked: Asked) -> Answer:
        sent = asked.tree()
        if sent is None or not sent.get("email"):
            return problem(self._switch("validation_status"), "Validation Failed", "An e-mail is required", {"email": "required"})
        if taken := self._taken(None, sent):
            return problem(409, "Conflict", "Another customer has this value", taken)
        if wrong := self._complaints(sent):
            return problem(self._switch("validation_status"), "Validation Failed", "Some values do not fit", wrong)
        return self._written(201, self.shelf.add(self._free()), sent)
