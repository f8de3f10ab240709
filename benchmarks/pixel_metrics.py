"""Streaming pixel metrics against plain exact ones, in one run: `python benchmarks/pixel_metrics.py`.

Both see the same maps, one batch at a time, and give AUROC, average precision, best F1, AUPRO@0.3 and AUPRO@0.05. The plain way
keeps every pixel and sorts them once; it is exact and already frugal (float32, one sort for all five). Each runs in a process of
its own, so that its peak memory can be told; making the maps is not timed.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from engine.evaluation.metrics import get_metric
from engine.evaluation.pixel_counts import PixelTally

NAMES = ("pixel_auroc", "pixel_aupr", "pixel_f1_max", "aupro_30", "aupro_05")
BATCH = 16
Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=200)
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    options = parser.parse_args()
    print(f"{options.maps} maps of {options.size} x {options.size}, half of them with defects")
    results = []
    for way in (plain, streaming):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            results.append(pool.submit(way, options.maps, options.size).result())
    (plain_s, plain_mb, exact), (our_s, our_mb, ours) = results
    print(f"{'':<22}{'plain':>10}{'streaming':>12}{'plain : streaming':>20}")
    print(f"{'seconds':<22}{plain_s:>10.2f}{our_s:>12.2f}{plain_s / our_s:>20.1f}")
    print(f"{'peak memory, MB':<22}{plain_mb:>10.0f}{our_mb:>12.0f}{plain_mb / max(our_mb, 1):>20.1f}")
    for name in NAMES:
        print(f"{name:<22}{exact[name]:>10.6f}{ours[name]:>12.6f}{abs(exact[name] - ours[name]):>20.1e} apart")


def batches(count: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Smooth noise as maps, a few bright rectangles as defects: what a detector gives. (B, size, size) each."""
    generator = np.random.default_rng(0)
    for start in range(0, count, BATCH):
        masks = np.zeros((min(BATCH, count - start), size, size), dtype=bool)
        for mask in masks[::2]:
            for _ in range(int(generator.integers(1, 5))):
                height, width = generator.integers(2, size // 8, 2)
                top, left = generator.integers(0, size - size // 8, 2)
                mask[top : top + height, left : left + width] = True
        noise = generator.normal(size=masks.shape).astype(np.float32)
        maps = np.exp(ndimage.uniform_filter(noise, (0, 5, 5)) * 3)
        yield maps + masks * generator.gamma(2, 0.5, (len(masks), 1, 1)).astype(np.float32), masks


def streaming(count: int, size: int) -> tuple[float, float, Figures]:
    """Seconds, peak memory above that before in MB, figures. The range is known, as an inspection knows it."""
    low, high, some = np.inf, -np.inf, []
    for maps, _ in batches(count, size):
        low, high = min(low, float(maps.min())), max(high, float(maps.max()))
        some.append(maps[:1])
    before, spent = memory_mb(), 0.0
    started = time.perf_counter()
    pixels = PixelTally.for_maps(np.concatenate(some), low, high)
    spent += time.perf_counter() - started
    for maps, masks in batches(count, size):
        started = time.perf_counter()
        pixels.add(maps, masks)
        spent += time.perf_counter() - started
    started = time.perf_counter()
    counts = pixels.tally()
    figures = {name: float(get_metric(name)(counts).value or 0) for name in NAMES}
    return spent + time.perf_counter() - started, memory_mb() - before, figures


def plain(count: int, size: int) -> tuple[float, float, Figures]:
    """The same with all pixels kept and sorted."""
    for _ in batches(count, size):
        pass  # so that both have made their maps once before memory is looked at
    before, spent = memory_mb(), 0.0
    all_maps, all_masks, all_parts, regions = [], [], [], 0
    for maps, masks in batches(count, size):
        started = time.perf_counter()
        parts = np.zeros(masks.shape, dtype=np.float32)
        for part, mask in zip(parts, masks, strict=True):
            labels, found = ndimage.label(mask, structure=np.ones((3, 3)))
            if found:
                part[mask] = 1 / np.bincount(labels[mask])[labels[mask]]
            regions += found
        all_maps.append(maps.ravel())
        all_masks.append(masks.ravel())
        all_parts.append(parts.ravel())
        spent += time.perf_counter() - started
    started = time.perf_counter()
    scores, truth, parts = np.concatenate(all_maps), np.concatenate(all_masks), np.concatenate(all_parts)
    order = np.argsort(-scores)
    scores, truth, parts = scores[order], truth[order], parts[order]
    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))  # the last pixel of each distinct score
    hits = np.cumsum(truth)[ends]
    false = ends + 1 - hits
    overlap = np.cumsum(parts, dtype=np.float64)[ends] / regions
    figures = curves(hits.astype(np.float64), false.astype(np.float64), overlap)
    return spent + time.perf_counter() - started, memory_mb() - before, figures


def curves(hits: np.ndarray, false: np.ndarray, overlap: np.ndarray) -> Figures:
    """The five figures of the cumulated counts at each distinct score."""
    rate, recall = np.append(0, false / false[-1]), np.append(0, hits / hits[-1])
    precision = hits / (hits + false)
    figures = {
        "pixel_auroc": float(np.trapezoid(recall, rate)),
        "pixel_aupr": float((precision * np.diff(recall)).sum()),
        "pixel_f1_max": float((2 * hits / (hits + false + hits[-1])).max()),
    }
    for name, limit in (("aupro_30", 0.3), ("aupro_05", 0.05)):
        inside = rate < limit
        x, y = rate[inside], np.append(0, overlap)[inside]
        last = np.interp(limit, rate, np.append(0, overlap))
        figures[name] = float(np.trapezoid([*y, last], [*x, limit]) / limit)
    return figures


def memory_mb() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
