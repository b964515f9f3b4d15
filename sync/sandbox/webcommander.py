"""A request to a WebCommander shop -> its answer: an envelope with four siblings, OAuth in JSON, 200 for a URL that is none."""

from collections.abc import Callable, Mapping
from functools import partial
from math import ceil
from typing import Any, ClassVar, Final

from sync.sandbox.checks import INT32
from sync.sandbox.doors.webcommander import WebCommanderDoor
from sync.sandbox.paging import contains, page
from sync.sandbox.schemas.webcommander import ADDRESS, BESIDE, CUSTOMER, GENDERS, misfits, misplaced, problem, shown
from sync.sandbox.shelf import Held, Shelf
from sync.sandbox.switches import Read
from sync.sandbox.talk import Answer, Asked, Call, Simulated, Tree, answer

LARGEST_PAGE: Final = 20
MONEY: Final = ("store_credit", "credit_limit")
BLANK: Final = {"newsletter": {}, "customer_password_expired": False, "allow_credit_limit": False}
QUERY: Final = {"limit", "max", "offset", "page", "search", "email", "companyName", "order_by", "direction", "sort", "status"}
IGNORED: Final = {"createdFrom", "createdTo", "updatedFrom", "updatedTo"}
LENGTHS: Final = {"abn": 11, "abn_branch": 3}


class WebCommander(Simulated):
    """Its customers have whole numbers as ids; an update names only what changes."""

    name: ClassVar[str] = "webcommander"
    prefix: ClassVar[str] = "/webcommander/api/v4"
    id_at: ClassVar[tuple[str, ...]] = ("customer", "id")

    def __init__(self, switch: Read, every: Read) -> None:
        self.shelf = Shelf()
        self._door, self._switch = WebCommanderDoor(switch, every), switch

    def call(self, asked: Asked) -> Call:
        """The token, one customer, all of them; anything else is 200 with isSuccess false."""
        match (asked.method, *asked.parts):
            case ("POST", "oauth2", "token"):
                return Call("token", partial(self._door.sign_in, asked))
            case ("GET", "admin", "customers"):
                return Call("list", partial(self._signed, asked, partial(self._list, asked)))
            case ("POST", "admin", "customers"):
                return Call("create", partial(self._signed, asked, partial(self._create, asked)))
            case ("GET", "admin", "customers", id):
                return Call("read", partial(self._signed, asked, partial(self._read, id)), id, id)
            case ("PUT", "admin", "customers", id):
                return Call("update", partial(self._signed, asked, partial(self._update, asked, id)), id, id)
            case ("DELETE", "admin", "customers", id):
                return Call("delete", partial(self._signed, asked, partial(self._delete, id)), id, id)
        return Call("other", _unroutable)

    def limited(self, seconds: float) -> Answer:
        """429 with Retry-After; no page says so, it is the plainest guess."""
        return problem(429, "Too many requests", headers={"Retry-After": str(ceil(seconds) or 1)})

    def conflict(self) -> Answer:
        """Not documented for updates; a plain 409."""
        return problem(409, "The customer is being updated")

    def expire(self, *, refresh: bool) -> None:
        """Access tokens alone, unless told."""
        self._door.tokens.expire()
        if refresh:
            self._door.refreshes.expire()

    def broken(self) -> Answer:
        """The error shape with status 500."""
        return problem(500, "Internal server error")

    def seed(self, id: str, values: Mapping[str, Any]) -> None:
        """`customer` and its four siblings, as in PUT."""
        if wrong := misfits(values, "refuse"):
            raise ValueError(str(wrong))
        held = self.shelf.get(id) or self.shelf.add(str(int(id)))
        self._write(held, self._merged(held, dict(values)))

    def _signed(self, asked: Asked, act: Callable[[], Answer]) -> Answer:
        return self._door.refused(asked) or act()

    # ---- one customer

    def _find(self, id: str) -> Held | Answer:
        if not id.isdecimal() or int(id) >= INT32:
            return problem(400, "Invalid customer id")
        if held := self.shelf.get(str(int(id))):
            return held
        adopt = self._switch("unknown_id") == "adopt"
        return self.shelf.add(str(int(id))) if adopt else problem(404, "Customer not found")

    def _read(self, id: str) -> Answer:
        held = self._find(id)
        return held if isinstance(held, Answer) else self._shown(200, held)

    def _update(self, asked: Asked, id: str) -> Answer:
        held, sent = self._find(id), asked.tree()
        if isinstance(held, Answer):
            return held
        if sent is None:
            return problem(400, "The body is not a JSON object declared as application/json")
        if wrong := self._complaints(sent):
            return problem(400, "Validation failed", wrong)
        if self._taken(held, sent):
            return problem(409, "Provided email already registered")
        wrote = self._sifted(sent)
        self._write(held, self._merged(held, wrote))
        return self._shown(200, held, wrote=wrote)

    def _complaints(self, sent: Tree) -> dict[str, str]:
        wrong = misfits(sent, self._switch("unknown_field"))
        if wrong:
            return wrong
        customer = sent.get("customer") or {}
        profiles, gender = self._switch("shipping_profiles"), customer.get("gender")
        if gender and self._switch("genders") == "checked" and gender.casefold() not in GENDERS:
            wrong["customer.gender"] = "is not a known gender"
        if (
            profiles is not None
            and customer.get("shipping_profile")
            and str(customer["shipping_profile"]) not in map(str, profiles)
        ):
            wrong["customer.shipping_profile"] = "does not exist"
        if self._switch("abn") == "checked":
            wrong |= {
                f"customer.{name}": f"must have {length} digits"
                for name, length in LENGTHS.items()
                if customer.get(name) and not (customer[name].isdecimal() and len(customer[name]) == length)
            }
        return wrong | (misplaced(customer) if self._switch("places") == "checked" else {})

    def _taken(self, held: Held | None, sent: Tree) -> bool:
        email = (sent.get("customer") or {}).get("email") or ""
        return self.shelf.owner("email", email.casefold()) not in {None, held and held.id}

    def _sifted(self, sent: Tree) -> Tree:
        """What an update means: known members, without what null, "" and the switches make of no effect."""
        dropped = set(ADDRESS) if self._switch("inline_address") == "discard" else set()
        customer = self._kept(
            {name: value for name, value in (sent.get("customer") or {}).items() if name not in dropped}, CUSTOMER
        )
        beside = self._kept({name: value for name, value in sent.items() if name != "customer"}, BESIDE)
        beside |= {name: float(beside[name] or 0) for name in MONEY if name in beside}
        return {**({"customer": customer} if customer else {}), **beside}

    def _kept(self, sent: Tree, known: Mapping[str, Any]) -> Tree:
        nulls, blanks = self._switch("null") == "clear", self._switch("empty") == "clear"
        kept = {name: value for name, value in sent.items() if name in known and (value is not None or nulls)}
        return {name: BLANK.get(name, "") if value is None else value for name, value in kept.items() if value != "" or blanks}

    def _merged(self, held: Held, wrote: Tree) -> Tree:
        customer = held.values.get("customer", {}) | wrote.get("customer", {})
        return held.values | wrote | ({"customer": customer} if customer else {})

    def _write(self, held: Held, values: Tree) -> None:
        self.shelf.write(held, values, {"email": values.get("customer", {}).get("email", "").casefold()})

    def _shown(self, status: int, held: Held, *, wrote: Tree | None = None) -> Answer:
        tree = shown(held, amounts=self._switch("amounts"), ids=self._switch("ids"))
        return answer(status, {"customer": tree}, wrote=wrote)

    def _delete(self, id: str) -> Answer:
        """To the trash, where it can still be read and keeps its e-mail address."""
        held = self.shelf.get(id)
        if held is None or held.trashed:
            return problem(404, "Customer already in trash" if held else "Customer not found")
        held.trashed = True
        return Answer(204)

    # ---- many customers

    def _list(self, asked: Asked) -> Answer:
        query = dict(asked.query)
        if unknown := set(query) - QUERY - IGNORED:
            return problem(400, "Unknown parameter", dict.fromkeys(sorted(unknown), "unknown_parameter"))
        try:
            limit = min(int(query.get("limit") or query.get("max") or LARGEST_PAGE), LARGEST_PAGE)
            offset = int(query.get("offset") or (int(query.get("page", 1)) - 1) * limit)
        except ValueError:
            return problem(400, "Invalid paging")
        if limit < 1 or offset < 0:
            return problem(400, "Invalid paging")
        amounts, ids = self._switch("amounts"), self._switch("ids")
        found = [
            tree
            for held in self.shelf
            if (not held.trashed or self._switch("trash") == "listed")
            and contains(tree := shown(held, amounts=amounts, ids=ids), query, {"email": "email", "companyName": "company_name"})
        ]
        return answer(200, {"customers": page(found, offset, limit), "pagination": self._pages(len(found), offset, limit)})

    def _pages(self, records: int, offset: int, limit: int) -> Tree:
        url = f"{self.prefix}/admin/customers?limit={limit}&offset="
        return {
            self._switch("pagination"): records,
            "limit": limit,
            "offset": offset,
            "next_page": f"{url}{offset + limit}" if offset + limit < records else None,
            "previous_page": f"{url}{max(0, offset - limit)}" if offset else None,
        }

    def _create(self, asked: Asked) -> Answer:
        sent = asked.tree()
        if sent is None:
            return problem(400, "The body is not a JSON object declared as application/json")
        if wrong := self._complaints(sent):
            return problem(400, "Validation failed", wrong)
        if not (sent.get("customer") or {}).get("first_name"):
            return problem(400, "Customer name is required")
        if self._taken(None, sent):
            return problem(409, "Provided email already registered")
        held = self.shelf.add(self.shelf.free())
        self._write(held, wrote := self._sifted(sent))
        return self._shown(201, held, wrote=wrote)


def _unroutable() -> Answer:
    return answer(200, {"isSuccess": False, "message": "Not found"}, error=True)
