"""What the models of all tables have in common."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table: no unknown keys, never changed, and errors that do not quote."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)
