"""A file of the configuration -> its tables by their models, with every mistake noted by file and key."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from sync.errors import Mistake, lowered
from sync.pipeline.rules import nearest

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Page:
    """One file, and the list on which the mistakes of the whole folder are noted."""

    path: Path
    mistakes: list[Mistake]

    @property
    def file(self) -> str:
        """As people know it."""
        return str(self.path)

    def wrong(self, key: str, message: str) -> None:
        """Notes a mistake."""
        self.mistakes.append(Mistake(self.file, key, message))

    def all_wrong(self, mistakes: Iterable[tuple[str, str]]) -> None:
        """Notes several, each as key and message."""
        for key, message in mistakes:
            self.wrong(key, message)

    def parsed(self) -> dict[str, Any] | None:
        """The file as TOML; None where it is not."""
        try:
            return tomllib.loads(self.path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            self.wrong("", "there is no such file: `customer-sync init DIR` writes one to start from")
        except OSError as error:
            self.wrong("", str(error.strerror))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self.wrong("", f"is not TOML: {error}")
        return None

    def valid(self, model: type[M], tree: object, prefix: str = "", beside: Sequence[str] = ()) -> M | None:
        """A table by its model; `beside` are keys that may stand in it, too, and that somebody else looks at."""
        try:
            return model.model_validate(tree)
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False):
                place = [str(part) for part in problem["loc"]]
                key = ".".join([prefix, *place] if prefix else place)
                self.wrong(key, _said(model, problem["type"], problem["msg"], place, beside))
            return None


def _said(model: type[BaseModel], kind: str, message: str, place: Sequence[str], beside: Sequence[str]) -> str:
    if kind == "extra_forbidden":
        *tables, name = place
        return f"unknown key{nearest(name, _keys(model, tables) if tables else [*beside, *_keys(model, ())])}"
    if kind == "missing":
        return "is missing"
    if kind == "string_type":
        return 'has to be text; in sync.toml also { env = "NAME" } or { file = "PATH" }'
    if kind == "too_short":
        return "is empty"
    return lowered(message.removeprefix("Value error, "))


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
