"""What there is several of is found by its file: nothing lists it."""

import sys
from pathlib import Path

import pytest

from engine.contract.jobs import KINDS, digest_of, make_job, read_job
from engine.contract.jobs.base import Job
from engine.contract.models import MODELS, DetectorParams
from engine.contract.variants import variants

A_MODEL = """
from typing import Literal
from engine.contract.models.families import MemoryParams

class OwnParams(MemoryParams):
    name: Literal["own"] = "own"
"""
A_KIND = """
from typing import Literal
from engine.contract.jobs.base import Job

class CountJob(Job):
    kind: Literal["own"] = "own"
"""


@pytest.mark.parametrize(("source", "base", "tag"), [(A_MODEL, DetectorParams, "name"), (A_KIND, Job, "kind")])
def test_a_file_of_its_name_is_all_that_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, base: type[Job], tag: str
) -> None:
    package = tmp_path / f"found_by_{tag}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "own.py").write_text(source)
    (package / "another_name.py").write_text(source)  # holds none of its own name
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert list(variants(package.name, base, tag=tag)) == ["own"]
    finally:
        for name in [name for name in sys.modules if name.startswith(package.name)]:
            del sys.modules[name]


def test_every_model_and_kind_that_has_a_file_is_known() -> None:
    assert {"patchcore", "padim", "ensemble"} <= MODELS.keys()
    assert {"detect", "classify"} <= KINDS.keys()


def test_a_job_of_before_there_were_kinds_is_a_detection_and_the_same_job() -> None:
    """The assistant approves the digest of what it stored, the engine takes that of the file: they must agree."""
    job = make_job("detect", "oled", "padim")
    without = {name: value for name, value in job.model_dump(mode="json").items() if name != "kind"}
    assert read_job(without) == job
    assert digest_of(read_job(without)) == digest_of(job)


def test_on_a_grid_of_blocks_a_model_takes_those_of_its_paper() -> None:
    assert make_job("detect", "oled", "patchcore", {"backbone": "vit_base_patch16_224"}).model.layers == [5, 8]  # type: ignore[attr-defined]
    assert make_job("detect", "oled", "patchcore", {"backbone": "vit_large_patch16_224"}).model.layers == [11, 17]  # type: ignore[attr-defined]
    assert make_job("detect", "oled", "patchcore", {"backbone": "resnet18"}).model.layers == [2, 3]  # type: ignore[attr-defined]
