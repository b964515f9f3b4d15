"""A vendor's pydantic update schema -> its fields, as data. Pure.

The leaf types here are strict, but take what means the same: 12 for text "12", 1 for true, 12.0 for 12. Whatever a map
has to decide about (text to number, text to yes or no) is left to a transform.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictInt, StrictStr
from pydantic import Field as Bounds
from pydantic_core import PydanticCustomError

from sync.model import NEVER, Field

__all__ = [
    "NEVER",
    "Amount",
    "BaseUrl",
    "Bounds",
    "Exact",
    "Field",
    "Filled",
    "Flag",
    "Password",
    "Schema",
    "Text",
    "Whole",
    "fields",
]


class Schema(BaseModel):
    """The base of update schemas: unknown fields are errors, and errors never quote their input."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def _text(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _whole(value: object) -> object:
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


def _flag(value: object) -> object:
    return bool(value) if isinstance(value, int) and value in {0, 1} else value


def _exact(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("amount", "Input should be a number")
    number = Decimal(str(value))
    if not number.is_finite():
        raise PydanticCustomError("amount", "Input should be a finite number")
    return number.normalize() if number else Decimal(0)


def _filled(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("filled", "Input should not be empty")
    return value


def _address(value: str) -> str:
    """An empty one is a variable that is not set, which is told already."""
    if value and not re.match(r"https?://[^\s/?#]+[^\s?#]*$", value):
        raise PydanticCustomError("address", "has to be an address such as https://api.example.com/v1")
    return value


Text = Annotated[StrictStr, BeforeValidator(_text)]
Whole = Annotated[StrictInt, BeforeValidator(_whole), Bounds(ge=-(2**63), lt=2**63)]
"""JSON is written with 64 bits; no vendor's numbers are longer."""
Flag = Annotated[StrictBool, BeforeValidator(_flag)]
Exact = Annotated[Decimal, BeforeValidator(_exact)]
Filled = Annotated[Text, AfterValidator(_filled)]
"""Text that its vendor does not let be empty."""
Amount = Annotated[Exact, Bounds(ge=0)]
Password = Annotated[StrictStr, Field(secret=True)]
BaseUrl = Annotated[str, AfterValidator(_address)]
"""Where an account's API begins."""


def fields(model: type[BaseModel]) -> dict[str, Field]:
    """Every leaf of a schema by its dotted name; a free object stands as `NAME.*`."""
    return dict(_walk(model, ""))


def _walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Field]]:
    for name, info in model.model_fields.items():
        path = prefix + (info.alias or name)
        kind = _inner(info.annotation)
        known = next((extra for extra in info.metadata if isinstance(extra, Field)), None) or _nested(info.annotation)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _walk(kind, f"{path}.")
        elif known.free:
            yield f"{path}.*", known
        else:
            yield path, known


def _inner(annotation: Any) -> Any:
    """`Annotated[X | None, ...]` -> X."""
    arguments = [argument for argument in get_args(annotation) if argument is not type(None)]
    if get_origin(annotation) is Annotated:
        return _inner(arguments[0])
    return _inner(arguments[0]) if len(arguments) == 1 and get_origin(annotation) not in {list, dict, Mapping} else annotation


def _nested(annotation: Any) -> Field:
    """The `Field` of an `Annotated` that stands inside a union."""
    for argument in get_args(annotation):
        if isinstance(argument, Field):
            return argument
        found = _nested(argument)
        if found != Field():
            return found
    return Field()
