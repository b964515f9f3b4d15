"""Files -> settings: parse, resolve, validate, compile the maps, and collect every mistake on the way."""

import hashlib
import inspect
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import orjson
from pydantic import BaseModel, SecretStr, ValidationError

from sync.errors import ConfigError, Mistake
from sync.model import Field
from sync.pipeline.gates import GatePolicy
from sync.pipeline.gone import GonePolicy
from sync.pipeline.lane import LanePolicy
from sync.pipeline.maptest import MapTest
from sync.pipeline.project import Rule
from sync.pipeline.rules import compile_rules, nearest
from sync.pipeline.rules import load as load_object
from sync.ports import Vendor
from sync.settings.alerts import AlertsTable
from sync.settings.gone import gone_policy, one_way
from sync.settings.maptests import Names, map_tests, misnamed
from sync.settings.owners import Owned, one_owner
from sync.settings.service import ServiceTable
from sync.settings.sources import KINDS, HttpTable, SourceTable
from sync.settings.tables import AccountTable, SyncTable, TargetTable
from sync.settings.values import resolve
from sync.vendors import bundled
from sync.vendors.schema import fields as schema_fields

M = TypeVar("M", bound=BaseModel)
MAIN = "sync.toml"


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account: its vendor's dialect, spoken with its credentials, and how it is driven."""

    name: str
    vendor: Vendor
    policy: LanePolicy
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """One target, with its map compiled."""

    name: str
    file: str
    source: str
    account: str
    table: TargetTable
    rules: tuple[Rule, ...]
    fields: Mapping[str, Field]
    id_source: str
    match: str | None
    gates: GatePolicy
    gone: GonePolicy
    fingerprint: str

    @property
    def tests(self) -> tuple[MapTest, ...]:
        """What the file says that the map should make of some customers."""
        return map_tests(self.table.tests)

    @property
    def mentioned(self) -> list[tuple[str, str]]:
        """Every source field that the file mentions, with the key where it does."""
        found = [("match" if self.match else "id", self.id_source)]
        found += [(f"where.{name}", name) for name in self.table.where or {}]
        return found + [(f"fields.{rule.field}", name) for rule in self.rules for name in rule.sources]


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole configuration."""

    state: SecretStr
    sources: Mapping[str, SourceTable]
    accounts: Mapping[str, AccountSettings]
    targets: Mapping[str, TargetSettings]
    file: str
    plan_max_age: timedelta
    keep: timedelta
    service: ServiceTable
    alerts: AlertsTable
    warnings: tuple[str, ...] = ()


def load(directory: Path) -> Settings:
    """Raises ConfigError with every mistake in the folder."""
    mistakes: list[Mistake] = []
    if directory.is_file():
        raise ConfigError([Mistake(str(directory), "", f"is a file: name the folder that holds it, --config {directory.parent}")])
    tree = _parse(directory / MAIN, mistakes)
    if tree is None:
        raise ConfigError(mistakes)
    file = str(directory / MAIN)
    tree = resolve(tree, lambda key, message: mistakes.append(Mistake(file, key, message)))
    main = _valid(SyncTable, tree, file, mistakes)
    known = {kind: tree[kind] if isinstance(tree.get(kind), dict) else {} for kind in ("sources", "accounts")}
    sources = _sources(known["sources"], file, mistakes)
    dialects = {name: _dialect(table, file, f"accounts.{name}.vendor", mistakes) for name, table in known["accounts"].items()}
    accounts = _accounts(known["accounts"], dialects, file, mistakes)
    _check_accounts(sources, known["accounts"], dialects, file, mistakes)
    drafts = [_draft(path, known, dialects, mistakes) for path in _target_files(directory, mistakes)]
    if mistakes or main is None:
        raise ConfigError(mistakes)
    targets = [_settled(draft, accounts) for draft in drafts if draft]
    wrong = one_owner([_owned(target) for target in targets])
    wrong += [mistake for target in targets for mistake in _misnamed(target)]
    wrong += [
        Mistake(target.file, "missing_in_source", f"source {target.source} {sources[target.source].partial}")
        for target in targets
        if target.gone.watches and sources[target.source].partial
    ]
    doubts = [
        f"{target.file}: deactivate.{name}: the map does not have it, so that nothing sets it back when a customer returns"
        for target in targets
        for name in one_way(target.gone, target.rules)
    ]
    if wrong:
        raise ConfigError(wrong)
    return Settings(
        main.state.url,
        sources,
        accounts,
        {target.name: target for target in targets},
        file,
        main.plans.max_age,
        main.state.keep,
        main.service,
        main.alerts,
        (*_warnings(accounts, file), *doubts),
    )


def _target_files(directory: Path, mistakes: list[Mistake]) -> list[Path]:
    found = sorted((directory / "targets").glob("*.toml"))
    if not found:
        mistakes.append(Mistake(str(directory / "targets"), "", "there is no target: write one, targets/NAME.toml"))
    return found


def _parse(path: Path, mistakes: list[Mistake]) -> dict[str, Any] | None:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        mistakes.append(Mistake(str(path), "", "there is no such file: `customer-sync init DIR` writes one to start from"))
    except OSError as error:
        mistakes.append(Mistake(str(path), "", str(error.strerror)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(Mistake(str(path), "", f"is not TOML: {error}"))
    return None


def _valid(model: type[M], tree: object, file: str, mistakes: list[Mistake], prefix: str = "") -> M | None:
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            place = [str(part) for part in problem["loc"]]
            key = ".".join([prefix, *place] if prefix else place)
            mistakes.append(Mistake(file, key, _said(model, problem["type"], problem["msg"], place)))
        return None


def _said(model: type[BaseModel], kind: str, message: str, place: Sequence[str]) -> str:
    if kind == "extra_forbidden":
        return f"unknown key{nearest(place[-1], _keys(model, place[:-1]))}"
    if kind == "missing":
        return "is missing"
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _keys(model: type[BaseModel], place: Sequence[str]) -> list[str]:
    """The keys that a table may have, found by going down from the model."""
    current: type[BaseModel] | None = model
    for step in place:
        info = current.model_fields.get(step) if current else None
        if info is not None:
            current = _model(info.annotation)
    return list(current.model_fields) if current else []


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _model(argument))), None)


# ---- sources


def _sources(tables: Mapping[str, Any], file: str, mistakes: list[Mistake]) -> dict[str, SourceTable]:
    found = {name: _source(f"sources.{name}", table, file, mistakes) for name, table in tables.items()}
    return {name: source for name, source in found.items() if source}


def _source(key: str, table: Any, file: str, mistakes: list[Mistake]) -> SourceTable | None:
    """By the model of its kind; what is no table is told with the rest of the file."""
    if not isinstance(table, dict):
        return None
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        hint = nearest(str(kind), KINDS) or "; there are " + ", ".join(KINDS)
        mistakes.append(Mistake(file, f"{key}.kind", "is missing" if kind is None else f"there is no such kind{hint}"))
        for meant in get_close_matches(str(kind), KINDS, 1):  # so that its other mistakes are told at once
            _valid(KINDS[meant], {**table, "kind": meant}, file, mistakes, key)
        return None
    return _valid(KINDS[kind], table, file, mistakes, key)


def _check_accounts(
    sources: Mapping[str, SourceTable], tables: Mapping[str, Any], dialects: Mapping[str, Any], file: str, mistakes: list[Mistake]
) -> None:
    """An account that is a source has to be there, and its vendor has to know how to list customers."""
    for name, table in sources.items():
        if not isinstance(table, HttpTable) or table.account is None:
            continue
        key = f"sources.{name}.account"
        if table.account not in tables:
            mistakes.append(Mistake(file, key, f"there is no [accounts.{table.account}]{nearest(table.account, tables)}"))
        elif (dialect := dialects.get(table.account)) and dialect.listing is Vendor.listing:
            mistakes.append(Mistake(file, key, f"{dialect.name} does not know how to list its customers"))


# ---- accounts


def _accounts(
    tables: Mapping[str, Any], dialects: Mapping[str, Any], file: str, mistakes: list[Mistake]
) -> dict[str, AccountSettings]:
    found = {name: _account(name, table, dialects[name], file, mistakes) for name, table in tables.items()}
    return {name: account for name, account in found.items() if account}


def _account(name: str, table: Any, dialect: Any, file: str, mistakes: list[Mistake]) -> AccountSettings | None:
    key = f"accounts.{name}"
    if not isinstance(table, dict):
        return None
    own = {part: value for part, value in table.items() if part not in AccountTable.model_fields}
    common = _valid(AccountTable, {part: value for part, value in table.items() if part not in own}, file, mistakes, key)
    if dialect is None:
        return None
    before = len(mistakes)
    credentials = _valid(dialect.Account, own, file, mistakes, key)
    _mend(mistakes, before, [*AccountTable.model_fields, *dialect.Account.model_fields])
    if common is None or credentials is None:
        return None
    secrets = tuple(value.get_secret_value() for _, value in credentials if isinstance(value, SecretStr))
    return AccountSettings(name, dialect(credentials), common.policy, secrets)


def _mend(mistakes: list[Mistake], start: int, keys: Sequence[str]) -> None:
    """An account's table is validated in two parts; the nearest name may be in the other."""
    for place in range(start, len(mistakes)):
        mistake = mistakes[place]
        if mistake.message.startswith("unknown key"):
            name = mistake.key.rpartition(".")[2]
            mistakes[place] = Mistake(mistake.file, mistake.key, f"unknown key{nearest(name, keys)}")


def _dialect(table: Any, file: str, key: str, mistakes: list[Mistake]) -> Any:
    """The vendor's class; None where there is none (a missing key is found with the rest of the table)."""
    vendors = bundled()
    name = table.get("vendor") if isinstance(table, dict) else None
    if name is None:
        return None
    if not isinstance(name, str) or (":" not in name and name not in vendors):
        hint = nearest(str(name), vendors)
        mistakes.append(Mistake(file, key, f"there is no such vendor{hint or '; there are ' + ', '.join(sorted(vendors))}"))
        return None
    if name in vendors:
        return vendors[name]
    try:
        found = load_object(name)
    except LookupError as error:
        mistakes.append(Mistake(file, key, str(error)))
        return None
    if Vendor not in getattr(found, "__mro__", ()):
        mistakes.append(Mistake(file, key, f"{name} is not a vendor: a class that implements sync.ports.Vendor"))
        return None
    return found


def _warnings(accounts: Mapping[str, AccountSettings], file: str) -> list[str]:
    return [
        f"{file}: accounts.{account.name}: {account.vendor.name} documents a limit of {account.vendor.limit}; "
        f'set rate or quota = "{account.vendor.limit}"'
        for account in accounts.values()
        if account.vendor.limit and not account.policy.pace.rate and not account.policy.pace.quotas
    ]


# ---- targets


@dataclass(frozen=True, slots=True)
class _Draft:
    """A target's file, read and compiled as far as that goes without its account."""

    path: Path
    tree: Mapping[str, Any]
    table: TargetTable
    rules: tuple[Rule, ...]
    fields: Mapping[str, Field]
    gone: GonePolicy


def _draft(
    path: Path, known: Mapping[str, Mapping[str, Any]], dialects: Mapping[str, Any], mistakes: list[Mistake]
) -> _Draft | None:
    file = str(path)
    tree = _parse(path, mistakes)
    if tree is None:
        return None
    table = _valid(TargetTable, tree, file, mistakes)
    for kind, key in (("sources", "source"), ("accounts", "account")):
        name = tree.get(key)
        if isinstance(name, str) and name not in known[kind]:
            mistakes.append(Mistake(file, key, f"there is no [{kind}.{name}] in {MAIN}{nearest(name, known[kind])}"))
    dialect = dialects.get(str(tree.get("account")))
    if dialect is None:
        return None
    fields = schema_fields(dialect.Customer)
    written, maps = tree.get("fields"), tree.get("maps", {})
    rules, wrong = compile_rules(written, fields, maps) if isinstance(written, dict) and isinstance(maps, dict) else ((), [])
    mistakes.extend(Mistake(file, key, message) for key, message in wrong)
    if table is None:
        return None
    for name in table.gates.max_field_changed:
        if not any(rule.field == name for rule in rules):
            hint = nearest(name, [rule.field for rule in rules])
            mistakes.append(Mistake(file, f"gates.max_field_changed.{name}", f"the map has no field {name}{hint}"))
    if table.match:
        _check_match(next(iter(table.match)), rules, dialect, file, mistakes)
    gone, wrong = gone_policy(table, dialect.Customer, fields)
    mistakes.extend(Mistake(file, key, message) for key, message in wrong)
    return _Draft(path, tree, table, rules, fields, gone)


def _settled(draft: _Draft, accounts: Mapping[str, AccountSettings]) -> TargetSettings:
    table = draft.table
    match, id_source = next(iter(table.match.items())) if table.match else (None, table.id or "")
    gates = GatePolicy(**dict(table.gates))
    fingerprint = _fingerprint(draft.tree, accounts[table.account].vendor)
    return TargetSettings(
        draft.path.stem,
        str(draft.path),
        table.source,
        table.account,
        table,
        draft.rules,
        draft.fields,
        id_source,
        match,
        gates,
        draft.gone,
        fingerprint,
    )


def _owned(target: TargetSettings) -> Owned:
    fields = tuple(dict.fromkeys([*(rule.field for rule in target.rules), *target.gone.leaves]))
    return Owned(target.name, target.file, target.account, target.table.where or {}, fields)


def _misnamed(target: TargetSettings) -> Iterator[Mistake]:
    """A function may read any field of the source, so that with one any may be given."""
    sources = None if _called(target.table.fields) else sorted({name for _, name in target.mentioned})
    names = Names(sources, [rule.field for rule in target.rules], target.id_source)
    return misnamed(target.tests, names, target.file)


def _check_match(match: str, rules: Sequence[Rule], vendor: type[Vendor], file: str, mistakes: list[Mistake]) -> None:
    if match not in vendor.matches:
        known = ", ".join(sorted(vendor.matches))
        mistakes.append(
            Mistake(
                file, f"match.{match}", f"{vendor.name} cannot name a customer by it" + (f"; it can by {known}" if known else "")
            )
        )
    if any(rule.field == match for rule in rules):
        mistakes.append(Mistake(file, f"fields.{match}", "names the customer already (match): map it only where an id is used"))


def _fingerprint(tree: Mapping[str, Any], vendor: Vendor) -> str:
    """Another one means: every customer has to be looked at again."""
    kept = {name: tree.get(name) for name in ("source", "account", "id", "match", "without_id", "where", "fields", "maps")}
    if tree.get("missing_in_source", "ignore") != "ignore":
        kept |= {name: tree.get(name) for name in ("missing_in_source", "deactivate")}
    parts = [kept, vendor.name, vendor.place, vendor.Customer.model_json_schema(), sorted(_called(tree.get("fields", {})))]
    return hashlib.blake2b(orjson.dumps(parts, default=str, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _called(tree: Mapping[str, Any]) -> list[str]:
    """The source text of every module whose function a map calls: another text is another map."""
    found = []
    for value in tree.values():
        if isinstance(value, dict):
            found += _called(value)
            if isinstance(value.get("call"), str):
                found.append(_source_of(value["call"]))
    return found


def _source_of(place: str) -> str:
    try:
        return inspect.getsource(inspect.getmodule(load_object(place)) or load_object(place))
    except (LookupError, OSError, TypeError):
        return ""
