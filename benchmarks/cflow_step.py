"""CFlow's training and inference against the plain way, in one run: `python benchmarks/cflow_step.py`.

Both have the same flow, weights and features. The plain way takes 64 patches a step, makes the codes of places anew for every
batch, joins each patch with its code, and scores an image in pieces of 64 patches. Ours takes large steps, keeps the codes, adds
what a code contributes once for all images, and scores in one call. The ratios are times of the plain way divided by ours, for
learning once from every patch of a batch and for scoring it. Larger steps are fewer: `--learn` compares how far both get in the
same time, by the likelihood of features that neither has learnt from.
"""

import argparse
import copy
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from engine.contract.models.cflow import CFlowParams
from engine.layers.position_code import position_code
from engine.models.cflow import PatchFlow

PLAIN_STEP = 64
Work = Callable[[PatchFlow, torch.Tensor], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--channels", type=int, default=96)
    parser.add_argument("--grid", type=int, default=32)
    parser.add_argument("--learn", type=float, default=20.0, help="seconds that each of both learns; 0 leaves it out")
    options = parser.parse_args()
    torch.manual_seed(0)
    params = CFlowParams()
    flow = PatchFlow(options.channels, params)
    for block in flow.blocks:
        nn.init.normal_(block.last.weight, std=0.01)  # an untrained one only permutes: nothing to compare
    size = (options.images, options.channels, options.grid)
    features = make_features(*size)
    patches = options.images * options.grid**2
    print(
        f"{options.images} images, {patches} patches of {options.channels} channels, {torch.get_num_threads()} threads"
    )
    print(f"{'':<24}{'plain s':>9}{'ours s':>9}{'plain : ours':>14}{'plain MB':>10}{'ours MB':>9}")
    for name, plain, ours in (
        ("learning from a batch", plain_pass, our_pass),
        ("scoring a batch", plain_scores, our_scores),
    ):
        plain_s, plain_mb = measured(plain, flow, size)
        ours_s, ours_mb = measured(ours, flow, size)
        print(f"{name:<24}{plain_s:>9.2f}{ours_s:>9.2f}{plain_s / ours_s:>14.1f}{plain_mb:>10.0f}{ours_mb:>9.0f}")
    difference = (plain_scores(flow, features) - our_scores(flow, features)).abs().max()
    print(f"largest difference of the scores: {difference:.1e}")
    if options.learn:
        learn(flow, options)


def learn(flow: PatchFlow, options: argparse.Namespace) -> None:
    """The same time for both, on other batches of the same kind each time."""
    held_out = make_features(8, options.channels, options.grid, seed=1000)
    for name, one_pass, rate in (("plain", plain_pass, 2e-4), ("ours", our_pass, CFlowParams().learning_rate)):
        learner, passes = copy.deepcopy(flow), 0
        optimiser = torch.optim.Adam(learner.parameters(), lr=rate)
        started = time.perf_counter()
        while time.perf_counter() - started < options.learn:
            one_pass(learner, make_features(options.images, options.channels, options.grid, seed=passes), optimiser)
            passes += 1
        loss = -float(our_scores(learner, held_out).mean())
        print(
            f"{name}: {passes} batches in {options.learn:.0f} s, held-out negative log-likelihood a channel {loss:.3f}"
        )


def our_pass(flow: PatchFlow, features: torch.Tensor, optimiser: torch.optim.Optimizer | None = None) -> None:
    """One step for up to `patches_per_step` patches of the batch at a time, as the model does over its epochs."""
    optimiser = optimiser or torch.optim.Adam(flow.parameters(), lr=2e-4)
    code = codes(features)
    patches = features.flatten(2).transpose(1, 2)  # (B, P, C)
    for part in torch.randperm(len(code)).split(CFlowParams().patches_per_step // len(features)):
        step(optimiser, -flow.log_likelihood(patches[:, part], code[part]).mean())


def plain_pass(flow: PatchFlow, features: torch.Tensor, optimiser: torch.optim.Optimizer | None = None) -> None:
    optimiser = optimiser or torch.optim.Adam(flow.parameters(), lr=2e-4)
    patches, code = plain_patches(features)
    order = torch.randperm(len(patches))
    for start in range(0, len(order), PLAIN_STEP):
        part = order[start : start + PLAIN_STEP]
        step(optimiser, -plain_likelihood(flow, patches[part], code[part]).mean())


@torch.no_grad()
def our_scores(flow: PatchFlow, features: torch.Tensor) -> torch.Tensor:
    return flow.log_likelihood(features.flatten(2).transpose(1, 2), codes(features)).flatten()


@torch.no_grad()
def plain_scores(flow: PatchFlow, features: torch.Tensor) -> torch.Tensor:
    patches, code = plain_patches(features)
    found = torch.empty(0)
    for start in range(0, len(patches), PLAIN_STEP):
        part = slice(start, start + PLAIN_STEP)
        found = torch.cat([found, plain_likelihood(flow, patches[part], code[part])])
    return found


def plain_patches(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors (N, C) and their codes (N, K), one for each patch of the batch."""
    count, channels, height, width = features.shape
    code = position_code(height, width, size=CFlowParams().condition_size).repeat(count, 1)
    return features.permute(0, 2, 3, 1).reshape(-1, channels), code


def plain_likelihood(flow: PatchFlow, x: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
    """The same flow, vector and code joined before each small network."""
    x = (x - flow.mean) / flow.deviation
    log_det = torch.zeros(len(x))
    for block in flow.blocks:
        weight = torch.cat([block.from_kept.weight, block.from_code.weight], dim=1)
        kept, changed = x[:, : block.kept], x[:, block.kept :]
        hidden = torch.relu(nn.functional.linear(torch.cat([kept, code], dim=1), weight, block.from_code.bias))
        log_scale, shift = block.last(hidden).chunk(2, dim=1)
        log_scale = block.clamp * torch.tanh(log_scale / block.clamp)
        x = torch.cat([kept, changed * log_scale.exp() + shift], dim=1)[:, block.permutation]
        log_det = log_det + log_scale.sum(dim=1)
    return (log_det - 0.5 * x.square().sum(dim=1)) / x.shape[1]


_codes: dict[tuple[int, int], torch.Tensor] = {}


def codes(features: torch.Tensor) -> torch.Tensor:
    height, width = features.shape[2:]
    if (height, width) not in _codes:
        _codes[height, width] = position_code(height, width, size=CFlowParams().condition_size)
    return _codes[height, width]


def step(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def make_features(images: int, channels: int, grid: int, *, seed: int = 0) -> torch.Tensor:
    """(B, C, h, w): smooth, with channels that hang together and depend on the place."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, 8, generator=torch.Generator().manual_seed(42))
    coarse = torch.randn(images, 8, grid // 4, grid // 4, generator=generator)
    hidden = nn.functional.interpolate(coarse, size=grid, mode="bilinear", align_corners=False)
    hidden = hidden + torch.linspace(-2, 2, grid).view(1, 1, grid, 1)
    noise = torch.randn(images, channels, grid, grid, generator=generator)
    return torch.einsum("ck,bkhw->bchw", mixing, hidden.sin()) / 3 + 0.3 * noise


def measured(work: Work, flow: PatchFlow, size: tuple[int, int, int]) -> tuple[float, float]:
    """Seconds of the better of two runs, and the memory taken at most, in MB beyond what was held before.

    In a process of its own: the highest memory of a process never falls again.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, work, flow, size, torch.get_num_threads()).result()


def _measure(work: Work, flow: PatchFlow, size: tuple[int, int, int], threads: int) -> tuple[float, float]:
    torch.set_num_threads(threads)
    features = make_features(*size)
    work(copy.deepcopy(flow), features[:1, :, :8, :8].contiguous())  # what torch sets up once is neither's
    best, before = float("inf"), memory_mb()
    for _ in range(2):
        learner = copy.deepcopy(flow)
        started = time.perf_counter()
        work(learner, features)
        best = min(best, time.perf_counter() - started)
    return best, memory_mb() - before


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
