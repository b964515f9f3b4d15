"""One file, one vendor's dialect; found by the name that its class bears."""

import importlib
import inspect
import pkgutil
from typing import Any

from sync.ports import Vendor


def bundled() -> dict[str, type[Vendor]]:
    """The vendors in this package, by name."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    classes: list[Any] = [thing for module in modules for _, thing in inspect.getmembers(module, inspect.isclass)]
    return {thing.name: thing for thing in classes if Vendor in thing.__mro__[1:]}
