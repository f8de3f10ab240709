"""A bundle: one zip from which a site without network takes a finished run, its encoder's weights, and pictures to try it on.

    bundle.json        what this file describes
    model_card.md      the same for people
    run/               spec.json, events.jsonl, model/, evaluation/ (engine/contract/folder.py)
    weights/           files of the encoders' weights, named as a weights folder names them
    pictures/          a few pictures at the model's size, whose scores are told in bundle.json
    checksums.txt      of all others (engine/contract/checksums.py)

Nothing in it is code, and nothing a pickle.
"""

from dataclasses import dataclass
from pathlib import Path

from engine.contract.folder import RunFolder


@dataclass(frozen=True)
class BundleFolder:
    """A bundle that lies unpacked in `path`."""

    path: Path

    @property
    def about(self) -> Path:
        return self.path / "bundle.json"

    @property
    def model_card(self) -> Path:
        return self.path / "model_card.md"

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.path / "run")

    @property
    def weights(self) -> Path:
        return self.path / "weights"

    @property
    def pictures(self) -> Path:
        return self.path / "pictures"
