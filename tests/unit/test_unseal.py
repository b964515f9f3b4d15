"""Updates of a plan -> the same with the passwords that no plan holds."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import pytest

from sync.errors import SourceError
from sync.model import ABSENT, Change, Customer, Diff, Field, Identity, Leaf, Outcome, Request, Secret, Settlement, Update
from sync.pipeline.feeds import Target
from sync.pipeline.project import Projection
from sync.pipeline.rules import compile_rules
from sync.pipeline.unseal import unsealed
from sync.ports import Page, Source
from sync.vendors.schema import Password, Schema, Text, fields
from tests.unit.test_courier import Dialect

OLD, NEW = Secret("<old>"), Secret("<new>", "new")


class Shop(Schema):
    name: Annotated[Text | None, Field()] = None
    password: Password | None = None


class Spoken(Dialect):
    def requests(self, identity: Identity, changes: Diff, leaves: Mapping[str, Leaf]) -> tuple[Request, ...]:  # noqa: ARG002
        return (Request("PUT", f"https://x.example/{identity.value}", {change.field: change.after for change in changes}),)


class Town(Source):
    """Customers by key; `asked` holds for whom it was asked."""

    def __init__(self, customers: Mapping[str, Mapping[str, str]], *, broken: bool = False) -> None:
        self.asked: list[str] = []
        self._customers = customers
        self._broken = broken

    async def fields(self) -> Mapping[str, str]:
        return {}

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        del cursor
        yield Page([])

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        self.asked += keys
        if self._broken:
            raise SourceError("the line is cut")
        return [Customer(key, {"id": key, **self._customers[key]}) for key in keys if key in self._customers]

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        yield []

    async def count(self) -> int | None:
        return None

    async def close(self) -> None:
        pass


def target(table: Mapping[str, str]) -> Target:
    rules, _ = compile_rules(dict(table), fields(Shop), {})
    made = Projection(rules, Shop, fields(Shop), "id", lambda value: Identity(str(value)), lambda text: f"<{text}>")
    return Target("shop", "crm", "shop", Spoken(), made, "map 1")


TARGET = target({"name": "Name", "password": "Word"})


def update(customer: str, *changes: Change, stays: bool = False) -> Update:
    return Update(customer, Identity(customer), 3, changes, {change.field: change.after for change in changes}, (), stays=stays)


NAMED = update("1", Change("name", ABSENT, "Ann", ("Name",)))
SEALED = update("2", Change("name", ABSENT, "Bo", ("Name",)), Change("password", OLD, Secret("<new>"), ("Word",)))


def put_off(update: Update, reason: str) -> Settlement:
    return Settlement(update.customer, update.customer, 3, Outcome.DEFERRED, reason, stays=update.stays)


async def test_a_password_is_read_again_and_told_and_the_others_go_as_they_are() -> None:
    source = Town({"2": {"Name": "Bo", "Word": "new"}})
    named, opened = await unsealed([NAMED, SEALED], source, TARGET)
    assert named is NAMED
    assert isinstance(opened, Update)
    assert [request.content(reveal=True) for request in opened.requests] == [b'{"name":"Bo","password":"new"}']
    assert opened.changes[1].after.text == "new"
    assert (opened.version, opened.leaves, source.asked) == (3, SEALED.leaves, ["2"])


async def test_nobody_is_asked_where_no_update_holds_a_password_or_no_map_names_one() -> None:
    source = Town({})
    assert await unsealed([NAMED], source, TARGET) == [NAMED]
    assert await unsealed([SEALED], source, target({"name": "Name"})) == [SEALED]
    assert source.asked == []


@pytest.mark.parametrize("now", [{}, {"2": {"Name": "Bo", "Word": "newer"}}, {"2": {"Name": "Bo"}}], ids=["gone", "new", "none"])
@pytest.mark.parametrize("stays", [False, True])
async def test_a_password_that_has_moved_on_waits_for_the_next_run(now: Mapping[str, Mapping[str, str]], stays: bool) -> None:
    sealed = replace(SEALED, stays=stays)
    assert await unsealed([sealed], Town(now), TARGET) == [put_off(sealed, "the customer has changed since it was planned")]


async def test_a_source_that_cannot_be_read_puts_off_who_has_a_password_and_nobody_else() -> None:
    found = await unsealed([NAMED, SEALED], Town({}, broken=True), TARGET)
    assert found == [NAMED, put_off(SEALED, "the line is cut")]


def test_a_sealed_password_cannot_be_sent_by_any_mistake() -> None:
    with pytest.raises((TypeError, ValueError)):
        Request("PUT", "https://x.example/2", {"password": Secret("<new>")}).content(reveal=True)
    with pytest.raises(ValueError, match="a sealed secret cannot be sent"):
        Request("POST", "https://x.example/2", {"password": Secret("<new>")}, form=True).content(reveal=True)
