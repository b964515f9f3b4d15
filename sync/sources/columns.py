"""A table or query -> the columns that it has just now, and the digest of a row that has them."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from sync.errors import NotThere, SourceError
from sync.sources.rows import digester
from sync.sources.statements import Statements


class Columns:
    """Looked up when they are asked for, and then kept until somebody forgets them."""

    def __init__(self, statements: Statements, lists: Sequence[str], digest_key: bytes) -> None:
        self._statements = statements
        self._lists = lists
        self._digest_key = digest_key
        self._known: Mapping[str, str] | None = None
        self._ever: AbstractSet[str] = frozenset()
        self.digest = digester(digest_key)

    def forget(self) -> None:
        """They may be others by now."""
        self._known = None

    async def known(self) -> Mapping[str, str]:
        """With their types in the database's words. Raises SourceError where one has gone, NotThere where there are none."""
        if self._known is None:
            found = await self._looked_up()
            gone = self._ever - found.keys()
            if gone:  # taken for empty, it would empty the vendors' fields
                what = f"{self._statements.table.name}: column {', '.join(sorted(gone))} has gone"
                raise SourceError(f"{what}: put it back, or take it out of the maps and start anew")
            self._known, self._ever = found, found.keys()
            self.digest = digester(self._digest_key, (*found, *self._lists))
        return self._known

    async def look_again(self) -> None:
        """After an error: perhaps the columns are others now, and then that is what has to be told. Raises SourceError."""
        self.forget()
        try:
            await self.known()
        except NotThere as error:
            raise SourceError(f"{self._statements.table.name}: {error}") from None

    async def _looked_up(self) -> Mapping[str, str]:
        try:
            return await self._statements.dialect.columns(self._statements.select("*"))
        except NotThere as error:
            name = self._statements.table.table
            if name is None or name in error.valid:
                raise
            raise NotThere(f"the source has no table {name}", "table", name, error.valid) from None
