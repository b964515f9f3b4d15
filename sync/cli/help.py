"""The commands -> their help, where a type stands only beside what takes a value of it."""

from typing import Any

from typer.core import TyperArgument, TyperGroup, TyperOption


class Commands(TyperGroup):
    """The commands. A flag takes no value, and an argument is called by its word already, such as CUSTOMER."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [_untyped(param) for param in super().get_params(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        for param in command.get_params(ctx) if command else ():
            _untyped(param)
        return command


def _untyped(param: Any) -> Any:
    if _says_enough(param):
        param.display_type_rich = _nothing
    return param


def _says_enough(param: Any) -> bool:
    return isinstance(param, TyperArgument) or (isinstance(param, TyperOption) and param.is_flag)


def _nothing(**_context: Any) -> None:
    """Stands in the column of types."""
