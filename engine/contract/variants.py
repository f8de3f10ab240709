"""What there is several of, found by its file: a class joins by a file of its name in the folder, there is no list to edit."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

from pydantic import BaseModel

Base = TypeVar("Base", bound=BaseModel)


def variants(package: str, base: type[Base], *, tag: str) -> dict[str, type[Base]]:
    """By the name of each file of a package, the class in it whose field `tag` has that name; a file without one holds none."""
    found = {}
    for name in sorted(each.name for each in iter_modules(import_module(package).__path__)):
        for cls in vars(import_module(f"{package}.{name}")).values():
            if isinstance(cls, type) and issubclass(cls, base) and cls.model_fields[tag].default == name:
                found[name] = cls
    return found
