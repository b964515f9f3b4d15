"""A request to Sellercloud's Delta API -> its answer: a PUT that merges, errors as ASP.NET words them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final

from sync.sandbox.checks import complaints, text, whole
from sync.sandbox.doors.sellercloud import SellercloudDoor
from sync.sandbox.paging import contains, moments, page
from sync.sandbox.schemas.sellercloud import MANAGERS, RATINGS, UPDATE, details, email, rating, row
from sync.sandbox.shelf import Held, Shelf
from sync.sandbox.switches import Read
from sync.sandbox.talk import Answer, Asked, Call, Simulated, Tree, answer

CREATE: Final = {
    **dict.fromkeys(("FirstName", "LastName", "Email", "BusinessName"), text),
    **dict.fromkeys(("CompanyID", "CustomerType"), whole),
}


class Sellercloud(Simulated):
    """Its customers have 32-bit ids; null and omission leave a field alone."""

    name: ClassVar[str] = "sellercloud"
    prefix: ClassVar[str] = "/sellercloud/rest/api"
    id_at: ClassVar[tuple[str, ...]] = ("General", "ID")

    def __init__(self, switch: Read, every: Read) -> None:
        self.shelf = Shelf()
        self._door, self._switch = SellercloudDoor(switch, every), switch

    def call(self, asked: Asked) -> Call:
        """POST token, GET and POST Customers, GET and PUT Customers/{id}; segments are compared without case, as IIS does."""
        match (asked.method, *(part.lower() for part in asked.parts)):
            case ("POST", "token"):
                return Call("token", partial(self._door.sign_in, asked))
            case ("GET", "customers"):
                return Call("list", partial(self._signed, asked, partial(self._list, asked)))
            case ("POST", "customers"):
                return Call("create", partial(self._signed, asked, partial(self._create, asked)))
            case ("GET", "customers", id):
                return Call("read", partial(self._signed, asked, partial(self._read, id)), id, id)
            case ("PUT", "customers", id):
                return Call("update", partial(self._signed, asked, partial(self._update, asked, id)), id, id)
        return Call("other", partial(answer, 404, {"Message": "No HTTP resource was found that matches the request URI."}))

    def limited(self, seconds: float) -> Answer:
        """The reset time stands in the body, with seven fractional digits."""
        reset = f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%f}1Z"
        said = {"Error": "Too many requests.", "RateLimitResetTime": reset}
        return answer(self._switch("rate_limit_status"), said, error=True)

    def conflict(self) -> Answer:
        """Not documented; a plain 409."""
        return answer(409, {"Message": "The customer is being updated."})

    def expire(self, *, refresh: bool) -> None:
        """There are no refresh tokens."""
        del refresh
        self._door.tokens.expire()

    def broken(self) -> Answer:
        """ASP.NET's internal server error."""
        return answer(500, {"Message": "An error has occurred.", "ExceptionMessage": "Object reference not set."})

    def seed(self, id: str, values: Mapping[str, Any]) -> None:
        """Fields by the names of PUT."""
        if wrong := complaints(values, UPDATE, unknown="refuse"):
            raise ValueError(str(wrong))
        held = self.shelf.get(id) or self.shelf.add(str(int(id)))
        self._write(held, held.values | _numbered(values))

    def _signed(self, asked: Asked, act: Callable[[], Answer]) -> Answer:
        return self._door.refused(asked) or act()

    # ---- one customer

    def _find(self, id: str) -> Held | Answer:
        if not id.isdecimal() or whole(int(id)):
            return _invalid({"id": "The value is not valid for Int32."})
        id, unknown = str(int(id)), self._switch("unknown_id")
        if held := self.shelf.get(id):
            return held
        if unknown == "adopt":
            return self.shelf.add(id)
        status = 404 if unknown == "not_found" else int(unknown)
        return answer(status, {"Message": "Customer not found."})

    def _read(self, id: str) -> Answer:
        held = self._find(id)
        return held if isinstance(held, Answer) else answer(200, details(held))

    def _update(self, asked: Asked, id: str) -> Answer:
        held, sent = self._find(id), asked.tree()
        if isinstance(held, Answer):
            return held
        if sent is None:
            return _invalid({"request": "The body is not a JSON object declared as application/json."})
        if wrong := self._complaints(sent):
            return _invalid(wrong)
        wrote = self._taken(held, sent)
        if wrong := self._conflicts(held, wrote):
            return _invalid(wrong)
        self._write(held, held.values | wrote)
        body = b"" if self._switch("update_body") == "empty" else answer(200, details(held)).body
        return Answer(200, body, {"Content-Type": "application/json; charset=utf-8"} if body else {}, wrote=wrote)

    def _complaints(self, sent: Tree) -> dict[str, str]:
        checks = {**UPDATE, "Rating": rating(self._switch("rating"))}
        if self._switch("email_format") == "checked":
            checks["Email"] = email
        return complaints(sent, checks, unknown=self._switch("unknown_field"))

    def _taken(self, held: Held, sent: Tree) -> Tree:
        taken = _numbered(sent)
        if self._switch("empty") == "ignore":
            blank = {name for name, value in taken.items() if value in ("", []) or (name in MANAGERS and not value)}
            taken = {name: value for name, value in taken.items() if name not in blank}
        if "BusinessAliases" in taken and self._switch("business_aliases") == "append":
            taken["BusinessAliases"] = list(dict.fromkeys(held.values.get("BusinessAliases", []) + taken["BusinessAliases"]))
        return taken

    def _conflicts(self, held: Held, wrote: Tree) -> dict[str, str]:
        after, wrong, companies = held.values | wrote, {}, self._switch("companies")
        if companies is not None and wrote.get("CompanyId") not in {None, *companies}:
            wrong["CompanyId"] = "Company not found."
        if self._switch("wholesale_needs_business_name") and after.get("IsWholesale") and not after.get("BusinessName"):
            wrong["BusinessName"] = "Business name is required for wholesale customers."
        owner = self.shelf.owner("Email", str(wrote.get("Email", "")).casefold())
        if self._switch("unique_email") and owner not in {None, held.id}:
            wrong["Email"] = "A customer with this email already exists."
        return wrong

    def _write(self, held: Held, values: Tree) -> None:
        self.shelf.write(held, values, {"Email": str(values.get("Email", "")).casefold()})

    # ---- many customers

    def _list(self, asked: Asked) -> Answer:
        query = [(name.removeprefix("model."), value) for name, value in asked.query]
        one = dict(query)
        try:
            number, size = int(one.get("pageNumber", 1)), int(one.get("pageSize", 10))
            since, until = moments(one.get("modifiedOnFrom")), moments(one.get("modifiedOnTo"))
        except ValueError:
            return _invalid({"model": "The value is not valid."})
        ids = {value for name, value in query if name == "customerIds"}
        found = [
            row(held)
            for held in sorted(self.shelf, key=lambda held: int(held.id))
            if (not ids or held.id in ids)
            and (since is None or held.modified >= since)
            and (until is None or held.modified <= until)
        ]
        found = [item for item in found if contains(item, one, {"email": "Email", "corporateName": "CorporateName"})]
        size = max(1, min(size, self._switch("page_size_cap")))
        return answer(200, {"Items": page(found, size * (max(1, number) - 1), size), "TotalResults": len(found)})

    def _create(self, asked: Asked) -> Answer:
        sent = asked.tree()
        if sent is None or (wrong := complaints(sent, CREATE, unknown=self._switch("unknown_field"))):
            return _invalid(wrong if sent is not None else {"request": "The body is not a JSON object."})
        if not sent.get("FirstName"):
            return _invalid({"FirstName": "The FirstName field is required."})
        values = {
            "Name": f"{sent['FirstName']} {sent.get('LastName') or ''}".strip(),
            "Email": sent.get("Email"),
            "BusinessName": sent.get("BusinessName"),
            "CompanyId": sent.get("CompanyID"),
            "IsWholesale": sent.get("CustomerType") == 0 if "CustomerType" in sent else None,
        }
        held = self.shelf.add(self.shelf.free())
        self._write(held, wrote := _numbered(values))
        return answer(200, int(held.id), wrote=wrote)


def _numbered(sent: Mapping[str, Any]) -> Tree:
    """What was sent without its nulls, the rating as a number, nothing that is not a field."""
    values = {name: value for name, value in sent.items() if value is not None and name in UPDATE}
    if isinstance(values.get("Rating"), str):
        values["Rating"] = RATINGS.index(values["Rating"])
    return values


def _invalid(wrong: Mapping[str, str]) -> Answer:
    state = {f"request.{name}": [complaint] for name, complaint in wrong.items()}
    return answer(400, {"Message": "The request is invalid.", "ModelState": state})
