"""Keeps torch's compiler out of a run that compiles nothing: it takes longer to load than all the rest of torch.

torchvision and timm tell it, as they are loaded, what to leave alone; so do some of torch's own functions on the meta device. In the
block a stand-in hears it. Whatever else is asked of the stand-in loads the compiler after all.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

COMPILER, UTILS = "torch._dynamo", "torch._dynamo.utils"


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _take_away()
        return getattr(import_module(self.__name__), name)


@contextmanager
def without_compiler() -> Iterator[None]:
    """Nothing is done where the compiler is there already."""
    if COMPILER in sys.modules:
        yield
        return
    compiler, utils = _StandIn(COMPILER), _StandIn(UTILS)
    compiler.__dict__.update(disable=_left_as_it_is, utils=utils, __path__=[])
    utils.__dict__.update(is_compile_supported=_is_compile_supported)
    sys.modules.update({COMPILER: compiler, UTILS: utils})
    try:
        yield
    finally:
        _take_away()


def _take_away() -> None:
    for name in (COMPILER, UTILS):
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


def _left_as_it_is(function: Any = None, *_: Any, **__: Any) -> Any:
    return _left_as_it_is if function is None else function


def _is_compile_supported(device: Any) -> Any:
    return import_module(UTILS).is_compile_supported(device)
