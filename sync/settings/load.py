"""Files -> settings: parse, resolve, validate, compile the maps, and collect every mistake on the way."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sync.errors import ConfigError, Mistake
from sync.pipeline.rules import nearest
from sync.ports import Vendor
from sync.settings.accounts import read_accounts, read_dialects, unpaced
from sync.settings.fingerprint import called
from sync.settings.maptests import Names, misnamed
from sync.settings.owners import Owned, one_owner
from sync.settings.page import Page
from sync.settings.references import resolve
from sync.settings.settings import Settings, TargetSettings
from sync.settings.sources import HttpTable, SourceTable
from sync.settings.sources.read import read_sources
from sync.settings.tables import SyncTable
from sync.settings.targets import Known, draft, finished

MAIN = "sync.toml"


def load(directory: Path) -> Settings:
    """Raises ConfigError with every mistake in the folder."""
    if directory.is_file():
        raise ConfigError([Mistake(str(directory), "", f"is a file: name the folder that holds it, --config {directory.parent}")])
    mistakes: list[Mistake] = []
    page = Page(directory / MAIN, mistakes)
    tree = page.parsed()
    if tree is None:
        raise ConfigError(mistakes)
    tree = resolve(tree, page.wrong)
    main = page.valid(SyncTable, tree)
    known = _known(tree, page)
    sources = read_sources(known.sources, page)
    accounts = read_accounts(known.accounts, known.dialects, page)
    _check_accounts(sources, known, page)
    drafts = [draft(Page(path, mistakes), known) for path in _target_files(directory, mistakes)]
    if mistakes or main is None:
        raise ConfigError(mistakes)
    targets = [finished(found, accounts) for found in drafts if found]
    if wrong := list(_wrong_together(targets, sources)):
        raise ConfigError(wrong)
    return Settings(
        main.state.url,
        sources,
        accounts,
        {target.name: target for target in targets},
        page.file,
        main.plans.max_age,
        main.state.keep,
        main.service,
        main.alerts,
        tuple(unpaced(accounts.values(), page)),
    )


def _known(tree: Mapping[str, Any], page: Page) -> Known:
    sources, accounts = (tree[kind] if isinstance(tree.get(kind), dict) else {} for kind in ("sources", "accounts"))
    return Known(MAIN, sources, accounts, read_dialects(accounts, page))


def _check_accounts(sources: Mapping[str, SourceTable], known: Known, page: Page) -> None:
    """An account that is a source has to be there, and its vendor has to know how to list customers."""
    for name, table in sources.items():
        if not isinstance(table, HttpTable) or table.account is None:
            continue
        key, dialect = f"sources.{name}.account", known.dialects.get(table.account)
        if table.account not in known.accounts:
            page.wrong(key, f"there is no [accounts.{table.account}]{nearest(table.account, known.accounts)}")
        elif dialect and dialect.listing is Vendor.listing:
            page.wrong(key, f"{dialect.name} does not know how to list its customers")


def _target_files(directory: Path, mistakes: list[Mistake]) -> list[Path]:
    """Files whose name begins with a dot are those of editors and systems."""
    folder = directory / "targets"
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith("."))
    except FileNotFoundError:
        found = []
    except OSError as error:
        mistakes.append(Mistake(str(folder), "", str(error.strerror)))
        return []
    if not found:
        mistakes.append(Mistake(str(folder), "", "there is no target: write one, targets/NAME.toml"))
    return found


def _wrong_together(targets: Sequence[TargetSettings], sources: Mapping[str, SourceTable]) -> Iterator[Mistake]:
    """Mistakes that no file shows by itself."""
    yield from one_owner([_owned(target) for target in targets])
    for target in targets:
        yield from _misnamed(target)
    for target in targets:
        if target.gone.watches and sources[target.source].partial:
            yield Mistake(target.file, "missing_in_source", f"source {target.source} {sources[target.source].partial}")


def _owned(target: TargetSettings) -> Owned:
    fields = tuple(dict.fromkeys([*(rule.field for rule in target.rules), *target.gone.leaves]))
    return Owned(target.name, target.file, target.account, target.table.where or {}, fields)


def _misnamed(target: TargetSettings) -> Iterator[Mistake]:
    """A function may read any field of the source, so that with one any may be given."""
    sources = None if called(target.table.fields) else sorted({name for _, name in target.mentioned})
    names = Names(sources, [rule.field for rule in target.rules], target.id_source)
    return misnamed(target.tests, names, target.file)
