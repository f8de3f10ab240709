"""Pictures that a detector learns from in a moment."""

from pathlib import Path

from PIL import Image


def tiny_panels(within: Path) -> Path:
    """A data set in MVTec layout: 12 good to learn from, 4 good and 4 defective to test with, masks."""
    root = within / "panels"
    for split, kind, count in (("train", "good", 12), ("test", "good", 4), ("test", "spot", 4)):
        folder = root / split / kind
        folder.mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGB", (64, 64), (90 + number % 5, 90, 90))
            if kind == "spot":
                image.paste((250, 20, 20), (20, 20, 36, 36))
                mask = Image.new("L", (64, 64))
                mask.paste(255, (20, 20, 36, 36))
                (root / "ground_truth" / kind).mkdir(parents=True, exist_ok=True)
                mask.save(root / "ground_truth" / kind / f"{number:03}_mask.png")
            image.save(folder / f"{number:03}.png")
    return root
