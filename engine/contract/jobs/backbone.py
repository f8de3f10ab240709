"""What can be wrong with a job's backbone before any network is built: no such architecture, or none that fits."""

from engine.contract.backbones import Architecture, architecture, near_names
from engine.contract.jobs.problems import Problem


def known_architecture(name: str | None) -> Architecture | None:
    """What is known of a backbone; None where there is none, or none of this name is known here."""
    try:
        return architecture(name) if name else None
    except LookupError:
        return None


def unknown_backbone(name: str) -> Problem:
    near = near_names(name)
    meant = f", did you mean {' or '.join(map(repr, near))}?" if near else "; take a timm architecture such as resnet18"
    return Problem("backbone", f"unknown backbone {name!r}{meant}", "unknown_backbone", {"name": name, "near": near})


def no_such_levels(found: Architecture, layers: list[int]) -> Problem:
    have = ", ".join(map(str, found.levels))
    if not have:
        message = f"no features can be had of the backbone {found.name!r}; take another one such as resnet18"
        return Problem("backbone", message, "no_features", {"name": found.name})
    what = "blocks" if found.is_grid else "levels"
    message = f"layers is {layers}, but the backbone {found.name} has no such {what} (have: {have})"
    return Problem("layers", message, "choice", {"name": "layers", "value": str(layers), "limit": have})


def only_one_size(found: Architecture, image_size: int) -> Problem:
    message = f"image_size is {image_size}, but {found.name} takes images of {found.only_size} pixels only"
    values = {"name": "image_size", "value": str(image_size), "limit": str(found.only_size)}
    return Problem("image_size", message, "choice", values)
