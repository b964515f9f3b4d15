"""A request to RPM's api2.svc -> its answer: everything is POST, nearly everything is 200, errors stand in the Result."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final

from sync.sandbox.schemas.rpm import misfits, pairs, refusal, rendered, result, stamp
from sync.sandbox.shelf import Held, Shelf
from sync.sandbox.switches import Read
from sync.sandbox.talk import Answer, Asked, Call, Simulated, Tree, answer

KEY: Final = "sandbox-key"
HOLDER: Final = "Customer"
NEEDS: Final = 'Call requires parameter: "Customer" which was not found'
UNNAMED: Final = "Customer name or ID must be specified"
NOT_FOUND: Final = "Customer not found"
TAKEN: Final = "A customer with that name already exists"


class Rpm(Simulated):
    """Its customers have an id and a unique name; either finds one, both together rename."""

    name: ClassVar[str] = "rpm"
    prefix: ClassVar[str] = "/rpm/api2.svc"
    id_at: ClassVar[tuple[str, ...]] = ("Result", "CustomerID")

    def __init__(self, switch: Read, every: Read) -> None:
        self.shelf = Shelf()
        self._switch, self._every = switch, every

    def call(self, asked: Asked) -> Call:
        """One function for each endpoint, found by its name."""
        if asked.method != "POST":
            return Call("other", partial(answer, self._switch("get_status"), {"Message": "Only POST is supported."}))
        acts: dict[tuple[str, ...], tuple[str, Callable[[Tree], Answer]]] = {
            ("CustomerEdit",): ("update", self._edit),
            ("CustomerAdd",): ("create", self._add),
            ("Customer",): ("read", self._read),
            ("Customers",): ("list", self._list),
            ("Modified",): ("list", self._modified),
            ("Info",): ("list", self._info),
        }
        if asked.parts not in acts:
            return Call("other", partial(answer, 404, {"Message": "Not Found"}))
        endpoint, act = acts[asked.parts]
        sent = _parsed(asked)
        customer, key = self._addressed(endpoint, sent or {})
        return Call(endpoint, partial(self._keyed, asked, sent, act), customer, key)

    def limited(self, seconds: float) -> Answer:
        """The daily limit, in words; it does not say when it ends."""
        del seconds
        return self._error("API daily limit reached")

    def conflict(self) -> Answer:
        """Not documented; a plain 409."""
        return answer(409, {"Message": "Conflict"})

    def expire(self, *, refresh: bool) -> None:
        """A key does not expire."""

    def broken(self) -> Answer:
        """A WCF service that fell over: HTML."""
        page = b"<html><head><title>Request Error</title></head><body>The server encountered an error.</body></html>"
        return Answer(500, page, {"Content-Type": "text/html; charset=UTF-8"}, error=True)

    def seed(self, id: str, values: Mapping[str, Any]) -> None:
        """Name, Website, Address, and Fields by name."""
        if wrong := set(values) - {"Name", "Website", "Address", "Fields"}:
            raise ValueError(f"unknown: {', '.join(sorted(wrong))}")
        held = self.shelf.get(id) or self.shelf.add(str(int(id)))
        self._write(held, held.values | dict(values))

    # ---- who asks, and about whom

    def _keyed(self, asked: Asked, sent: Tree | None, act: Callable[[Tree], Answer]) -> Answer:
        key = asked.headers.get("RpmApiKey", "")
        if key != KEY if self._every("credentials") == "sandbox" else not key:
            return self._error("Valid key required")
        return act(sent) if sent is not None else _bad_request()

    def _addressed(self, endpoint: str, sent: Tree) -> tuple[str, str]:
        if endpoint not in {"update", "read"}:
            return "", ""
        whom = sent if endpoint == "read" else sent.get(HOLDER)
        if not isinstance(whom, dict):
            return "", ""
        id, name = whom.get("CustomerID"), whom.get("Name" if endpoint == "update" else "Customer")
        if id:
            return str(id), str(id)
        return str(name or ""), self.shelf.owner("Name", self._folded(str(name or ""))) or ""

    def _find(self, id: int | None, name: str | None) -> Held | None:
        adopt = self._switch("unknown_id") == "adopt"
        if id:
            return self.shelf.get(str(id)) or (self.shelf.add(str(id)) if adopt else None)
        if owner := self.shelf.owner("Name", self._folded(name or "")):
            return self.shelf.get(owner)
        if not adopt:
            return None
        held = self.shelf.add(self.shelf.free())
        self._write(held, {"Name": name})
        return held

    # ---- edit

    def _edit(self, sent: Tree) -> Answer:
        customer = self._customer(sent)
        if isinstance(customer, Answer):
            return customer
        id, name = customer.get("CustomerID"), (customer.get("Name") or "").strip()
        if not id and not name:
            return self._error(UNNAMED)
        if error := refusal(customer, self._switch):
            return self._error(error)
        held = self._find(id, name)
        if held is None:
            return self._error(NOT_FOUND)
        if id and name and self.shelf.owner("Name", self._folded(name)) not in {None, held.id}:
            return self._error(TAKEN)
        return self._written(held, customer, rename=bool(id))

    def _customer(self, sent: Tree) -> Tree | Answer:
        customer = sent.get(HOLDER)
        if customer is None:
            return self._error(NEEDS)
        fits = isinstance(customer, dict) and not misfits(customer, self._switch("unknown_field"))
        return customer if fits else _bad_request()

    def _written(self, held: Held, customer: Tree, *, rename: bool) -> Answer:
        wrote = self._wrote(customer, rename=rename)
        fields = held.values.get("Fields", {}) | wrote.get("Fields", {})
        self._write(held, held.values | wrote | ({"Fields": fields} if fields else {}))
        return answer(200, {"Result": result(held, dates=self._switch("dates"), locations=True)}, wrote=wrote)

    def _wrote(self, customer: Tree, *, rename: bool) -> Tree:
        nulls, known = self._switch("null") == "clear", self._switch("custom_fields")
        taken = ["Website"] + (["Address"] if self._switch("address") == "location" else [])
        wrote: Tree = {name: customer[name] or "" for name in taken if name in customer and (customer[name] is not None or nulls)}
        if rename and (name := (customer.get("Name") or "").strip()):
            wrote["Name"] = name
        fields = {
            name: rendered(value or "") if self._switch("values") == "normalised" else value or ""
            for name, value in pairs(customer.get("Fields") or [])
            if (known is None or name in known) and (value is not None or nulls)
        }
        return wrote | ({"Fields": fields} if fields else {})

    def _write(self, held: Held, values: Tree) -> None:
        self.shelf.write(held, values, {"Name": self._folded(values.get("Name") or "")})

    def _folded(self, name: str) -> str:
        return name.strip().casefold() if self._switch("name_match") == "folded" else name

    # ---- add and read

    def _add(self, sent: Tree) -> Answer:
        customer = self._customer(sent)
        if isinstance(customer, Answer):
            return customer
        name = (customer.get("Name") or "").strip()
        if not name:
            return self._error("A customer name is required")
        if self.shelf.owner("Name", self._folded(name)):
            return self._error("A unique customer name is required")
        if error := refusal(customer, self._switch):
            return self._error(error)
        return self._written(self.shelf.add(self.shelf.free()), customer, rename=True)

    def _read(self, sent: Tree) -> Answer:
        id, name = sent.get("CustomerID"), sent.get("Customer")
        if not isinstance(id, int | None) or not isinstance(name, str | None):
            return _bad_request()
        if not id and not name:
            return self._error(UNNAMED)
        held = self._find(id, name)
        if held is None:
            return self._error(NOT_FOUND)
        locations = sent.get("IncludeLocations", True) is not False
        shown = result(held, dates=self._switch("dates"), locations=locations)
        return answer(200, {"Result": {**shown, "DefaultRepID": 0, "DefaultRep": ""}})

    def _list(self, _: Tree) -> Answer:
        dates, number = self._switch("dates"), self._switch("ids") == "number"
        rows = [
            {
                "Customer": held.values.get("Name", ""),
                "CustomerID": int(held.id) if number else held.id,
                "Added": stamp(held.added, dates),
                "Modified": stamp(held.modified, dates),
            }
            for held in self.shelf
        ]
        return answer(200, {"Result": {"Age": self._age(), "Customers": rows}}) if rows else self._error("No customers")

    def _info(self, _: Tree) -> Answer:
        return answer(200, {"Result": {"Subscriber": "sandbox", "TimeOffset": "+00:00", "TimeDst": False}})

    def _modified(self, _: Tree) -> Answer:
        return answer(200, {"Result": {"Modified": [{"Type": "CustomerAndAliasList", "Age": self._age()}]}})

    def _age(self) -> int:
        return max((int(held.modified.timestamp()) for held in self.shelf), default=0)

    def _error(self, message: str) -> Answer:
        error = {"Message": message} if self._switch("error_shape") == "object" else message
        return answer(200, {"Result": {"Error": error}}, error=True)


def _parsed(asked: Asked) -> Tree | None:
    """The body; none at all is an empty object."""
    return asked.tree() if asked.body.strip() else {}


def _bad_request() -> Answer:
    return answer(400, {"Message": "Bad Request"})
