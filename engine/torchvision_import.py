"""Makes `import torchvision`, and so `import timm`, work beside a torch of another build.

The torchvision wheel of the package registry is built for CUDA. Beside a CPU-only torch its compiled part cannot be
loaded, and torchvision then fails at import with "operator torchvision::nms does not exist". Nothing here uses those
operators: it is enough that they are declared. Import this module before timm; it loads both, without torch's compiler.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch

from engine.without_compiler import without_compiler


def _declare_operators() -> torch.library.Library | None:
    """Load torchvision's compiled operators; where that fails, declare the two that its Python part refers to."""
    spec = find_spec("torchvision")  # finds without importing
    folder = Path(spec.origin).parent if spec and spec.origin else None
    for compiled in sorted(folder.glob("_C*.so")) if folder else []:
        try:
            torch.ops.load_library(str(compiled))  # type: ignore[no-untyped-call]
        except OSError:
            break
        return None
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    return library


LIBRARY = _declare_operators()  # the declarations live as long as this object
with without_compiler():
    for _name in ("torchvision.transforms.v2", "timm"):
        import_module(_name)
