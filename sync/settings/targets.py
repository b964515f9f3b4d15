"""`targets/NAME.toml` -> a target with its map compiled, or every mistake in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sync.model import Field
from sync.pipeline.gates import GatePolicy
from sync.pipeline.gone import GonePolicy
from sync.pipeline.project import Rule
from sync.pipeline.rules import compile_rules, nearest
from sync.ports import Vendor
from sync.settings.accounts import Dialects
from sync.settings.constants import Mistakes, constants, validated
from sync.settings.fingerprint import fingerprint
from sync.settings.gone import gone_policy, one_way
from sync.settings.page import Page
from sync.settings.settings import AccountSettings, TargetSettings
from sync.settings.tables import TargetTable
from sync.vendors.schema import fields as schema_fields


@dataclass(frozen=True, slots=True)
class Known:
    """What `sync.toml` names: the tables of sources and accounts as they are written, and each account's dialect."""

    file: str
    sources: Mapping[str, Any]
    accounts: Mapping[str, Any]
    dialects: Dialects


@dataclass(frozen=True, slots=True)
class Draft:
    """A target's file, read and compiled as far as that goes without its account."""

    page: Page
    tree: Mapping[str, Any]
    table: TargetTable
    rules: tuple[Rule, ...]
    fields: Mapping[str, Field]
    gone: GonePolicy


def draft(page: Page, known: Known) -> Draft | None:
    """One file; None where too much of it is wrong to go on with."""
    tree = page.parsed()
    if tree is None:
        return None
    table = page.valid(TargetTable, tree)
    for kind, key, names in (("sources", "source", known.sources), ("accounts", "account", known.accounts)):
        name = tree.get(key)
        if isinstance(name, str) and name not in names:
            page.wrong(key, f"there is no [{kind}.{name}] in {known.file}{nearest(name, names)}")
    dialect = known.dialects.get(str(tree.get("account")))
    return _compiled(page, tree, table, dialect) if dialect else None


def finished(found: Draft, accounts: Mapping[str, AccountSettings]) -> TargetSettings:
    """The target, now that its account is valid."""
    table = found.table
    match, id_source = next(iter(table.match.items())) if table.match else (None, table.id or "")
    return TargetSettings(
        found.page.path.stem,
        found.page.file,
        table.source,
        table.account,
        table,
        found.rules,
        found.fields,
        id_source,
        match,
        GatePolicy(**dict(table.gates)),
        found.gone,
        fingerprint(found.tree, accounts[table.account].vendor),
    )


def _compiled(page: Page, tree: Mapping[str, Any], table: TargetTable | None, dialect: type[Vendor]) -> Draft | None:
    """The map's own mistakes are told even where another key of the file is wrong."""
    fields = schema_fields(dialect.Customer)
    written, maps = tree.get("fields"), tree.get("maps", {})
    rules, wrong = compile_rules(written, fields, maps) if isinstance(written, dict) and isinstance(maps, dict) else ((), [])
    page.all_wrong(wrong)
    if rules:
        page.all_wrong(_unfit_constants(rules, tree["fields"], dialect.Customer))
    if table is None:
        return None
    mapped = [rule.field for rule in rules]
    for name in table.gates.max_field_changed:
        if name not in mapped:
            page.wrong(f"gates.max_field_changed.{name}", f"the map has no field {name}{nearest(name, mapped)}")
    for match in table.match or ():
        _check_match(match, mapped, dialect, page)
    gone, wrong = gone_policy(table, dialect.Customer, fields)
    page.all_wrong(wrong)
    if rules:
        page.all_wrong(one_way(gone, rules))
    return Draft(page, tree, table, rules, fields, gone)


def _unfit_constants(rules: Sequence[Rule], written: Mapping[str, Any], schema: type[BaseModel]) -> Mistakes:
    """What would be rejected of every customer is a mistake of the map."""
    tree, wrong = constants(rules, written)
    return wrong + validated(tree, schema, "fields")[1]


def _check_match(match: str, mapped: Sequence[str], vendor: type[Vendor], page: Page) -> None:
    if match not in vendor.matches:
        known = f"; it can by {', '.join(sorted(vendor.matches))}" if vendor.matches else ""
        page.wrong(f"match.{match}", f"{vendor.name} cannot name a customer by it{known}")
    if match in mapped:
        page.wrong(f"fields.{match}", "names the customer already (match): map it only where an id is used")
