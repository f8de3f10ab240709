"""A saved model, loaded again, says what the trained one said: only then has a run succeeded."""

import numpy as np
from numpy.typing import NDArray


def refuse_other_scores(again: NDArray[np.floating], before: NDArray[np.floating]) -> None:
    """Compare what the loaded model gives for the first pictures with what the trained one gave for them, (N,) or (N, C).

    Raises:
        RuntimeError: they differ by more than rounding.
    """
    if not np.allclose(again, before, rtol=1e-4, atol=1e-7):
        worst = float(np.abs(again - before).max())
        raise RuntimeError(f"the saved model, loaded again, scores differently: by up to {worst:g}")
