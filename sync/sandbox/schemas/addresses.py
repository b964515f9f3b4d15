"""SparkLayer: addresses as sent -> addresses as held, each with an internal id, whichever way it was named. Pure."""

from collections.abc import Iterable
from typing import Final

from sync.sandbox.schemas.sparklayer import DEFAULTS
from sync.sandbox.shelf import Held
from sync.sandbox.talk import Tree

INTERNAL: Final = "ca_"


def ids(addresses: Iterable[Tree]) -> dict[str, str]:
    """Internal ids by internal and by external id."""
    return {
        name: address.get("id") or address["external_id"]
        for address in addresses
        for name in (address.get("id"), address.get("external_id"))
        if name
    }


def addressed(held: Held, sent: list[Tree], *, how: str) -> list[Tree]:
    """The customer's addresses after an update: the ones sent, and with `merge` those that were not."""
    old: list[Tree] = held.values.get("addresses", [])
    known = ids(old)
    new: list[Tree] = []
    for address in sent:
        id = known.get(address.get("id") or "") or known.get(address.get("external_id") or "") or _fresh(held, len(new))
        new.append({**address, "id": id})
    touched = {address["id"] for address in new}
    return new if how == "replace" else [address for address in old if address["id"] not in touched] + new


def defaults(held: Held, wrote: Tree) -> Tree:
    """Default addresses by their internal ids; one that the customer does not have becomes an address."""
    addresses = list(wrote.get("addresses", held.values.get("addresses", [])))
    resolved: Tree = {}
    for name in DEFAULTS:
        if not (given := wrote.get(name)):
            continue
        if given not in ids(addresses):
            internal = given.startswith(INTERNAL)
            addresses.append({"id": given} if internal else {"id": _fresh(held, len(addresses)), "external_id": given})
            resolved["addresses"] = addresses
        resolved[name] = ids(addresses)[given]
    return resolved


def _fresh(held: Held, position: int) -> str:
    return f"{INTERNAL}{held.number}_{held.version}_{position}"
