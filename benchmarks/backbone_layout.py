"""How much sooner a frozen backbone gives its features than timm's own network, and how far they are apart.

    python benchmarks/backbone_layout.py [--backbone mobilenetv2_100] [--size 256] [--images 8] [--rounds 5]

Both run in turns in the same process, the best time of each counts. The backbone runs with its norms folded in, its channels
last and without the stages behind the last level.
"""

import argparse
import time

import torch

from engine.backbones import Backbone, timm


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="mobilenetv2_100", help="timm name (random weights)")
    parser.add_argument("--size", type=int, default=256, help="pixels")
    parser.add_argument("--images", type=int, default=8, help="images in a batch")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    layers = [2, 3]
    backbone = Backbone(options.backbone, layers=layers, weights="random")
    torch.manual_seed(backbone.seed)
    plain = timm.create_model(options.backbone, features_only=True, out_indices=layers).eval()
    images = torch.rand(options.images, 3, options.size, options.size)
    runs = {"timm's own": lambda: plain(backbone.normalise(images)), "this backbone": lambda: backbone(images)}
    best, found = dict.fromkeys(runs, float("inf")), {}
    for _ in range(options.rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            found[name] = run()
            best[name] = min(best[name], time.perf_counter() - started)
    for name, seconds in best.items():
        print(f"{name:15} {1000 * seconds / options.images:7.2f} ms an image")
    apart = max(float((a - b).abs().max() / a.abs().max()) for a, b in zip(*found.values(), strict=True))
    plainly, quickly = best.values()
    print(f"ratio {plainly / quickly:.2f}, largest difference {apart:.1e} of the largest value")


if __name__ == "__main__":
    main()
