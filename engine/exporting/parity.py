"""Whether an exported file judges as the engine does, on the same pictures: only then it is kept."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.contract.results.exported import Difference, Format, Parity, Precision
from engine.exporting.pictures import Pictures
from engine.failures import SettingError
from engine.tasks.exportable import Exportable, Pixels, Said

# what the precision may make of a value, as a share of the range of all values: whether a verdict changes is asked beside it
ALLOWED: dict[Precision, float] = {"fp32": 1e-3, "fp16": 1e-2, "int8": 5e-2}
ROUNDING = 1e-5  # of the largest value: where all values are alike, float32 sums differ by that
NAMED = 5


def compare(
    found: Exportable,
    engine: Said,
    pictures: Pictures,
    file: Callable[[Pixels], Said],
    *,
    runtime: str,
    precision: Precision,
) -> Parity:
    """Run the file on the pictures that the engine has judged."""
    engine_ms = pictures.ms_per_image
    said = pictures.by_batch(file)
    changed = said[found.verdict] != engine[found.verdict]
    mask = found.mask
    return Parity(
        images=len(pictures.names),
        source=pictures.source,
        differences={name: _difference(engine[name], said[name], ALLOWED[precision]) for name in found.measured},
        changed=[name for name, is_other in zip(pictures.names, changed, strict=True) if is_other],
        nearest=float(found.margin(engine).min()),
        pixels_changed=None if mask is None else float((said[mask] != engine[mask]).mean()),
        runtime=runtime,
        ms_per_image=pictures.ms_per_image,
        engine_ms_per_image=engine_ms,
    )


def refuse_other_verdicts(parity: Parity, *, format: Format, precision: Precision) -> None:
    """Raises SettingError, with the figures, where the file judges otherwise than the engine."""
    if parity.holds:
        return
    off = [
        f"{name} differs by up to {each.largest:.3g}, {each.allowed:.3g} would be rounding"
        for name, each in parity.differences.items()
        if each.largest > each.allowed
    ]
    if parity.changed:
        names = ", ".join(parity.changed[:NAMED])
        off.append(f"the verdict is another one on {len(parity.changed)} of {parity.images} pictures ({names})")
    instead = "take fp32" if precision != "fp32" else "take another format"
    speed = parity.engine_ms_per_image / parity.ms_per_image
    raise SettingError(
        f"the {format} file in {precision} does not judge as the engine does, and was not kept: {'; '.join(off)}; "
        f"it would have taken {parity.ms_per_image:.3g} ms a picture, {speed:.2g} times as fast as the engine; {instead}"
    )


def _difference(engine: NDArray[np.floating], said: NDArray[np.floating], share: float) -> Difference:
    low, high = float(engine.min()), float(engine.max())
    largest = float(np.abs(np.float64(said) - np.float64(engine)).max())
    allowed = max(share * (high - low), ROUNDING * max(abs(low), abs(high)))
    if not np.isfinite(largest):
        raise SettingError(
            "the file gives values that are not finite numbers, where the engine gives none, and was not kept"
        )
    return Difference(largest=largest, allowed=allowed, range=(low, high))
