"""A company with two tables of customers and four vendors, and what each vendor has to hold of each row: the model.

`customers` is read by its cursor, `clients` has none. The model is an own reading of the maps below and knows nothing of the
code that it judges.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.accounts import PATHS, VENDORS, account

TABLES = {"sellercloud": "customers", "sparklayer": "customers", "rpm": "clients", "webcommander": "clients"}
MAPS = {
    "sellercloud": """
        Name = "{Name}"
        Email = { from = "Email", when_null = "reject" }
        Phone1 = { from = "Phone", when_null = "clear" }
        BusinessName = "Company"
        IsWholesale = "Active"
        Comments = { from = "Notes", when_null = "clear" }""",
    "sparklayer": """
        first_name = "Name"
        email = { from = "Email", when_null = "reject" }
        company_name = "Company"
        title = { from = "Notes", when_null = "clear" }
        discount_percentage = "Credit"
        [fields.metadata]
        phone = { from = "Phone", when_null = "clear" }
        active = "Active" """,
    "rpm": """
        Name = "{Name} ({Id})"
        Website = { from = "Notes", when_null = "clear" }
        [fields.Fields]
        Mail = { from = "Email", when_null = "reject" }
        Phone = { from = "Phone", when_null = "clear" }
        Company = "Company" """,
    "webcommander": """
        credit_limit = "Credit"
        [fields.customer]
        first_name = "Name"
        email = { from = "Email", when_null = "reject" }
        phone = { from = "Phone", when_null = "clear" }
        company_name = "Company"
        gender = "Gender" """,
}
WHERE = {"sparklayer": "where = { Active = true }", "webcommander": 'where = { Country = ["Norway", "Chile"] }'}
ACCOUNT = """
timeout = "2s"
[accounts.{vendor}.retry]
backoff = "10ms"
longest = "50ms"
[accounts.{vendor}.breaker]
cooldown = "100ms"
"""
COLUMNS = (
    "Id INTEGER PRIMARY KEY, Name TEXT, Email TEXT, Phone TEXT, Company TEXT, Notes TEXT, Credit DECIMAL(10,2), Active BOOLEAN,"
    " Gender TEXT, Country TEXT, Revision INTEGER"
)


@dataclass(frozen=True, slots=True)
class Person:
    """One customer of the company. `Credit` as text: 1.50 is 1.5."""

    Id: int
    Name: str
    Email: str | None
    Phone: str | None = None
    Company: str | None = None
    Notes: str | None = None
    Credit: str | None = None
    Active: bool = True
    Gender: str = "other"
    Country: str | None = "Norway"


State = Mapping[int, Person]
"""All customers at one moment, by key."""
Leaves = Mapping[str, Any]
"""Fields by dotted name; what is empty in any way is None, a number is text without needless zeros."""
CLEARED = {None, "", "null"}


def people(count: int) -> dict[int, Person]:
    """As many customers: with and without values, some out of the reach of a `where`, some that cannot be delivered."""
    found = {}
    for id in range(1, count + 1):
        person = Person(id, f"Zoë {id}", f"c{id}@example.org", f"+47 {id}", f"Firm {id}", f'note\'s "{id}"', f"{id % 90}.50")
        if id % 12 == 5:
            person = replace(person, Email=None)
        if id % 12 == 6:
            person = replace(person, Country="Peru", Active=False)
        if id % 12 == 7:
            person = replace(person, Gender="unheard of")
        if id % 12 == 8:
            person = replace(person, Credit="a lot")
        found[id] = person
    return found


def changed(state: State, word: str, every: int = 1) -> dict[int, Person]:
    """The same customers with other values; those whose key leaves no remainder by `every`."""
    after = dict(state)
    for id, person in state.items():
        if id % every:
            continue
        after[id] = CHANGES[id % len(CHANGES)](person, word)
    return after


CHANGES = (
    lambda person, word: replace(person, Name=f"{word} {person.Id}", Phone=None),
    lambda person, word: replace(person, Phone=f"+1 {word} {person.Id}", Notes=None),
    lambda person, word: replace(person, Company=None, Notes=f"{word} note"),
    lambda person, word: replace(person, Email=f"{word}.{person.Id}@example.org", Credit="1.5", Phone=None),
    lambda person, word: replace(person, Company=f"{word} & sons", Credit="75"),
)


# ---- the company's own system


class Company:
    """The company's database: every state that it was in, in order."""

    def __init__(self, path: Path, revision: int = 0) -> None:
        self.path = path
        self.states: list[State] = []
        self._revision = revision

    def copy(self) -> "Company":
        """The same past, and a future of its own."""
        other = Company(self.path, self._revision)
        other.states = list(self.states)
        return other

    def make(self, state: State) -> None:
        """The two tables, filled."""
        with closing(sqlite3.connect(self.path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            for table in ("customers", "clients"):
                database.execute(f"CREATE TABLE {table} ({COLUMNS})")
            database.commit()
        self.become(state)

    def become(self, state: State) -> None:
        """Writes what differs from before, in one transaction."""
        before = self.states[-1] if self.states else {}
        self.states.append(dict(state))
        self.write([person for id, person in state.items() if before.get(id) != person])

    def write(self, persons: Iterable[Person]) -> None:
        """These rows as they are now; each bears a revision of its own."""
        with closing(sqlite3.connect(self.path, timeout=30)) as database:
            for person in persons:
                self._revision += 1
                values = (*(getattr(person, name) for name in Person.__slots__), self._revision)
                for table in ("customers", "clients"):
                    database.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(values))})", values)
            database.commit()


def configure(folder: Path, url: str, *, extra: str = ACCOUNT, pace: str = "") -> Path:
    """The config of all that; `extra` and `pace` hold for every account. Returns its folder."""
    tables = [f'[state]\nurl = "sqlite:///{folder}/state.db"\n']
    for name, cursor in (("customers", 'cursor = "Revision"\noverlap = "0s"\n'), ("clients", "")):
        url_of = f'url = "sqlite:///{folder}/company.db"'
        tables.append(f'[sources.{name}]\nkind = "sql"\n{url_of}\ntable = "{name}"\nkey = "Id"\n{cursor}')
    tables += [account(vendor, url + PATHS[vendor]) + pace + extra.replace("{vendor}", vendor) for vendor in VENDORS]
    config = folder / "config"
    (config / "targets").mkdir(parents=True)
    (config / "sync.toml").write_text("\n".join(tables))
    for vendor in VENDORS:
        head = f'source = "{TABLES[vendor]}"\naccount = "{vendor}"\nid = "Id"\n{WHERE.get(vendor, "")}\n[fields]'
        (config / "targets" / f"{vendor}.toml").write_text(head + MAPS[vendor])
    return config


def in_flight(folder: Path) -> set[tuple[str, str]]:
    """By vendor and customer: whose intent was written and whose outcome was not, by the state that a process left."""
    if not (folder / "state.db").exists():
        return set()
    with closing(sqlite3.connect(folder / "state.db")) as state:
        if not state.execute("SELECT 1 FROM sqlite_master WHERE name = 'intents'").fetchone():
            return set()
        return set(state.execute("SELECT target, customer FROM intents"))


def intended(folder: Path, at: float) -> list[tuple[tuple[str, str], float, frozenset[str]]]:
    """What a process that died at this moment was about to send, sent or not."""
    with closing(sqlite3.connect(folder / "state.db")) as state:
        if not state.execute("SELECT 1 FROM sqlite_master WHERE name = 'intents'").fetchone():
            return []
        rows = state.execute("SELECT target, customer, fields FROM intents").fetchall()
    return [((target, customer), at, frozenset(json.loads(fields))) for target, customer, fields in rows]


# ---- the model: what a vendor has to hold


def projected(vendor: str, person: Person) -> dict[str, Any] | None:
    """The fields that a vendor is told; None for a customer that it is not told about."""
    made = PROJECTIONS[vendor](person)
    return None if made is None or person.Email is None else {name: plain(value) for name, value in made.items()}


def _sellercloud(person: Person) -> dict[str, Any] | None:
    made = {"Name": person.Name, "Email": person.Email, "Phone1": person.Phone, "IsWholesale": person.Active}
    return made | {"Comments": person.Notes} | _kept("BusinessName", person.Company)


def _sparklayer(person: Person) -> dict[str, Any] | None:
    if not person.Active or person.Credit == "a lot":
        return None
    made = {"first_name": person.Name, "email": person.Email, "title": person.Notes, "metadata.phone": person.Phone}
    made |= {"metadata.active": person.Active} | _kept("company_name", person.Company)
    return made | _kept("discount_percentage", person.Credit)


def _rpm(person: Person) -> dict[str, Any] | None:
    made = {"Name": f"{person.Name} ({person.Id})", "Website": person.Notes, "Fields.Mail": person.Email}
    return made | {"Fields.Phone": person.Phone} | _kept("Fields.Company", person.Company)


def _webcommander(person: Person) -> dict[str, Any] | None:
    if person.Country not in {"Norway", "Chile"} or person.Credit == "a lot":
        return None
    made = {"customer.first_name": person.Name, "customer.email": person.Email, "customer.phone": person.Phone}
    made |= {"customer.gender": person.Gender} | _kept("customer.company_name", person.Company)
    return made | _kept("credit_limit", person.Credit)


def is_refused(vendor: str, person: Person) -> bool:
    """Whether the vendor does not take what it is told."""
    return vendor == "webcommander" and person.Gender == "unheard of"


PROJECTIONS = {"sellercloud": _sellercloud, "sparklayer": _sparklayer, "rpm": _rpm, "webcommander": _webcommander}


def _kept(field: str, value: str | None) -> dict[str, Any]:
    """`when_null = "keep"`: nothing is said."""
    return {} if value is None else {field: value}


def plain(value: Any) -> Any:
    """1.50, 1.5 and "1.50" are one number; whatever is empty is None."""
    if isinstance(value, bool):
        return value
    if value is None or value in ("", [], {}):
        return None
    text = str(value)
    try:
        return f"{float(text):g}"
    except ValueError:
        return text


def wanted(states: Sequence[State]) -> dict[tuple[str, str], dict[str, set[Any]]]:
    """By vendor and customer: the values that each field may hold now. More than one only where a null is kept from the map."""
    found: dict[tuple[str, str], dict[str, set[Any]]] = {}
    for vendor in VENDORS:
        for id, person in states[-1].items():
            now = projected(vendor, person)
            if now is None or is_refused(vendor, person):
                continue
            allowed = {name: {value} for name, value in now.items()}
            for name in PROJECTIONS[vendor](replace(person, Company="?", Credit="1")) or {}:
                if name not in now:
                    past = [projected(vendor, state[id]) for state in states if id in state]
                    allowed[name] = {None, *(made[name] for made in past if made and name in made)}
            found[vendor, str(id)] = allowed
    return found


def held(values: Mapping[str, Any]) -> dict[str, Any]:
    """A customer as the sandbox shows it -> fields by dotted name."""
    return {name: plain(value) for name, value in _leaves(values)}


def told(vendor: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an update -> the fields that it names."""
    if vendor != "rpm":
        return {name: plain(value) for name, value in _leaves(body)}
    customer = dict(body["Customer"])
    customer.pop("CustomerID", None)
    pairs = {f"Fields.{pair['Field']}": plain(pair["Value"]) for pair in customer.pop("Fields", [])}
    return {name: plain(value) for name, value in customer.items()} | pairs


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def key_of(vendor: str, id: str, values: Mapping[str, Any]) -> str:
    """The company's key of a customer that a vendor holds."""
    return str(values.get("external_id", id)) if vendor == "sparklayer" else id


def out_of_step(holding: Mapping[str, Mapping[str, Mapping[str, Any]]], states: Sequence[State]) -> list[str]:
    """Where the vendors differ from the model, one line each; `holding` is what each vendor holds, by id."""
    wrong = []
    actual = {(vendor, key_of(vendor, id, values)): held(values) for vendor in holding for id, values in holding[vendor].items()}
    goal = wanted(states)
    for (vendor, customer), fields in goal.items():
        has = actual.get((vendor, customer), {})
        wrong += [
            f"{vendor} {customer} {name}: holds {has.get(name)!r}, wanted {sorted(map(repr, allowed))}"
            for name, allowed in fields.items()
            if has.get(name) not in allowed
        ]
    for vendor, customer in actual.keys() - goal.keys():
        if not any(projected(vendor, state[int(customer)]) for state in states if int(customer) in state):
            wrong.append(f"{vendor} {customer} was never to be told")
    return wrong
