"""Pictures of a finished run for its report, small and as text: the input, and its heat at the thresholds that are asked for.

Answers one question, in a process that a damaged file may end. A run without score maps (a classification) shows its own overlays.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from engine.contract.folder import EvaluationFolder, RunFolder
from engine.evaluation.heatmaps import overlay

QUALITY = 84
TRUTH = (255, 210, 62)  # the outline of what was marked as defective


def pictures_for_report(
    run: Path,
    images: Sequence[int],
    *,
    longest: int,
    pixel: float | None = None,
    scale: tuple[float, float] | None = None,
) -> dict[str, dict[str, str]]:
    """By image: `input` and, where there is one, `heat`, each as a data: URI. An image that cannot be read is left out.

    Args:
        longest: pixels of the longer side.
        pixel: the pixel threshold that colours and contours follow.
        scale: the raw scores that 0 and 65535 of a stored map stand for; None shows the overlays as they were written.
    """
    evaluation = RunFolder(run).evaluation
    shown: dict[str, dict[str, str]] = {}
    for index in images:
        try:
            shown[str(index)] = _pictures(evaluation, index, longest=longest, pixel=pixel, scale=scale)
        except (OSError, ValueError):
            continue
    return shown


def _pictures(
    evaluation: EvaluationFolder, index: int, *, longest: int, pixel: float | None, scale: tuple[float, float] | None
) -> dict[str, str]:
    image = np.asarray(Image.open(evaluation.picture("inputs", index)).convert("RGB"))
    told = {"input": _uri(image, longest)}
    if pixel is not None and scale is not None and evaluation.picture("maps", index).is_file():
        stored = np.asarray(Image.open(evaluation.picture("maps", index)), dtype=np.float64)  # (H, W)
        low, high = scale
        heat = overlay(image, low + (high - low) * stored / 65535, threshold=pixel, lowest=low)
        told["heat"] = _uri(_outlined(heat, evaluation.picture("truth", index)), longest)
    elif evaluation.picture("overlays", index).is_file():
        told["heat"] = _uri(np.asarray(Image.open(evaluation.picture("overlays", index)).convert("RGB")), longest)
    return told


def _outlined(picture: NDArray[np.uint8], truth: Path) -> NDArray[np.uint8]:
    """The picture (H, W, 3) with a rim around what was marked, where something was."""
    if not truth.is_file():
        return picture
    marked = np.asarray(Image.open(truth).convert("L")) > 0
    if marked.shape != picture.shape[:2]:
        return picture
    drawn = picture.copy()
    drawn[ndimage.binary_dilation(marked, iterations=1) & ~marked] = TRUTH
    return drawn


def _uri(picture: NDArray[np.uint8], longest: int) -> str:
    small = Image.fromarray(picture)
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
