"""Bundles (engine/contract/bundle_folder.py): written from a finished run, and tried where they have arrived."""

import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import nn

from engine.backbones import Backbone, quiet_timm
from engine.contract.bundle_folder import BundleFolder
from engine.contract.checksums import LIST, DamagedFile, refuse_damage, write_checksums
from engine.contract.folder import RESULTS, RunFolder
from engine.contract.pictures import BrokenPicture, read_picture
from engine.contract.plain_files import read_plain, write_whole
from engine.contract.results import as_json
from engine.contract.results.bundled import Bundle, Expected, InForce, Verified
from engine.contract.results.detect import JudgedBy
from engine.exporting import exportable_of
from engine.exporting.pictures import Pictures, pictures_of
from engine.failures import SettingError
from engine.tasks.exportable import Exportable, Said
from engine.weights import full_name, known

import timm  # isort: skip

PICTURES = 4  # that are kept inside to try it on
SUFFIX = ".zip"
NEAR = 1e-4  # as of a model that is loaded again, relative


def write_bundle(
    folder: RunFolder,
    *,
    output: Path,
    data: Path | None = None,
    judged_by: JudgedBy | None = None,
    weights_folder: Path | None = None,
    hub: bool = True,
) -> Bundle:
    """Pack a finished run with all that it takes to use it into the new zip `output`.

    Args:
        data: the run's own data set, of which a few pictures go in; None takes the copies in its evaluation.

    Raises:
        SettingError: the run has no model that can be used here, or the file cannot be written there.
        DataError: the run keeps no pictures to try it on.
    """
    if output.suffix != SUFFIX:
        raise SettingError(f"a bundle is a zip: let the name of {output.name} end in {SUFFIX}")
    if output.exists() or not output.parent.is_dir():
        why = "is there already" if output.exists() else "cannot be written: there is no such folder"
        raise SettingError(f"{output} {why}; name another file")
    found = exportable_of(folder, judged_by=judged_by, weights_folder=weights_folder, hub=hub)
    pictures = _of_eight_bits(pictures_of(folder, found, data=data, own=True, most=PICTURES))
    said = pictures.by_batch(found.says)
    with TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as aside:
        bundle = BundleFolder(Path(aside) / "bundle")
        bundle.path.mkdir()
        about = _about(folder, found, judged_by, _pictures_into(bundle, pictures, found, said))
        licences = dict(_weights_into(bundle, found.network))
        _run_into(bundle, folder)
        about = about.model_copy(
            update={"weights": sorted(licences), "licences": {"data": about.licences["data"], **licences}}
        )
        write_whole(bundle.about, as_json(about, indent=1))
        write_whole(bundle.model_card, _card(about, found))
        write_checksums(bundle.path)
        packed = Path(aside) / output.name
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as into:  # weights and pictures shrink no further
            for path in sorted(bundle.path.rglob("*")):
                if path.is_file():
                    into.write(path, path.relative_to(bundle.path).as_posix())
        packed.replace(output)
    return about


def verify_bundle(path: Path) -> Verified:
    """Try an unpacked bundle: every file is what was written, the model loads with its own weights, and its pictures score as it says.

    Raises:
        SettingError: one of that is not so, in words.
    """
    bundle = BundleFolder(path)
    about = read_bundle(bundle)
    judged_by = None
    if about.threshold is not None:
        judged_by = JudgedBy(about.threshold.image, about.threshold.pixel, about.threshold.version)
    found = exportable_of(bundle.run, judged_by=judged_by, weights_folder=bundle.weights, hub=False)
    try:
        pixels = [
            read_picture(bundle.pictures / Path(each.picture).name, size=found.image_size).pixels
            for each in about.expected
        ]
    except BrokenPicture as error:
        raise SettingError(f"a picture of the bundle cannot be read: {error}") from error
    said = found.says(np.stack(pixels))
    values, verdicts, margins = _values(found, said), said[found.verdict].astype(int), found.margin(said)
    largest = 0.0
    for each, now, verdict, margin in zip(about.expected, values, verdicts, margins, strict=True):
        off = float(np.abs(now - np.asarray(each.values)).max())
        rounding = NEAR * max(1.0, float(np.abs(each.values).max()))
        largest = max(largest, off)
        if off > rounding or (int(verdict) != each.verdict and margin > rounding):
            raise SettingError(
                f"the model of the bundle scores {each.picture} otherwise than it says (by {off:.3g}): it is not to be used here"
            )
    return Verified(bundle=about, pictures=len(values), largest_difference=largest)


def read_bundle(bundle: BundleFolder) -> Bundle:
    """What the bundle says of itself, once every file of it is what was written.

    Raises:
        SettingError: it is none, or damaged.
    """
    try:
        if not (bundle.path / LIST).is_file():
            raise SettingError("this is no bundle of Murascope: it holds no checksums.txt")
        refuse_damage(bundle.path)
        about = Bundle.model_validate_json(read_plain(bundle.about))
    except DamagedFile as error:
        raise SettingError(f"the bundle is damaged: {error.path.name} {error.why}; bring a whole copy") from error
    except ValidationError as error:
        raise SettingError(f"this is no bundle that this version can read: {error.errors()[0]['msg']}") from error
    except OSError as error:
        raise SettingError(f"this is no bundle that can be read: {error}") from error
    listed = (bundle.path / LIST).read_text("utf-8")
    extra = [
        path.relative_to(bundle.path).as_posix()
        for path in bundle.path.rglob("*")
        if path.is_file() and f"  {path.relative_to(bundle.path).as_posix()}\n" not in listed
    ]
    if extra := [name for name in extra if name != LIST]:
        raise SettingError(f"the bundle holds files that its checksums do not list: {', '.join(extra[:5])}")
    if not about.expected:
        raise SettingError("the bundle holds no pictures to try it on")
    return about


def _of_eight_bits(pictures: Pictures) -> Pictures:
    """As a PNG in colours holds them."""
    if pictures.pixels.dtype == np.uint8:
        return pictures
    return replace(pictures, pixels=(pictures.pixels // 257).astype(np.uint8))


def _about(folder: RunFolder, found: Exportable, judged_by: JudgedBy | None, expected: list[Expected]) -> Bundle:
    job = folder.read_job()
    in_force = None
    if judged_by is not None:
        in_force = InForce(image=judged_by.threshold, pixel=judged_by.pixel_threshold, version=judged_by.version)
    return Bundle(
        run=folder.id,
        kind=job.kind,
        model=job.subject,
        dataset=job.dataset,
        threshold=in_force,
        fingerprint=found.facts["data"].get("fingerprint"),
        licences={"data": found.facts["data"].get("licence")},
        expected=expected,
        murascope=version("murascope"),
        created=time.time(),
    )


def _pictures_into(bundle: BundleFolder, pictures: Pictures, found: Exportable, said: Said) -> list[Expected]:
    bundle.pictures.mkdir()
    expected = []
    for i, values in enumerate(_values(found, said)):
        name = f"{i:04d}.png"
        Image.fromarray(pictures.pixels[i]).save(bundle.pictures / name)
        expected.append(Expected(picture=name, verdict=int(said[found.verdict][i]), values=values.tolist()))
    return expected


def _values(found: Exportable, said: Said) -> NDArray[np.float64]:
    """(N, 1) scores, or (N, K) probabilities."""
    first: NDArray[Any] = said[found.measured[0]]
    return np.asarray(first, dtype=np.float64).reshape(len(first), -1)


def _weights_into(bundle: BundleFolder, network: nn.Module) -> Iterator[tuple[str, str | None]]:
    """The file and the licence of each encoder whose weights are not in the model's own folder, nor drawn by a seed."""
    bundle.weights.mkdir()
    for module in network.modules():
        if not isinstance(module, Backbone) or module.weights.source == "random" or module.weights.is_adapted:
            continue
        architecture, tag = known(module.name)
        tag = module.weights.tag or tag
        name = module.weights.file.name if module.weights.file else f"{full_name(architecture, tag)}.safetensors"
        if (bundle.weights / name).exists():
            continue
        if module.weights.file is not None:
            shutil.copyfile(module.weights.file, bundle.weights / name)
        else:
            with quiet_timm():
                whole = timm.create_model(full_name(architecture, tag), pretrained=True)
            save_file({key: each.contiguous() for key, each in whole.state_dict().items()}, bundle.weights / name)
        yield name, module.weights.licence


def _run_into(bundle: BundleFolder, folder: RunFolder) -> None:
    """What a finished run leaves, but nothing of the machine that it ran on."""
    bundle.run.path.mkdir()
    for path in (folder.spec, folder.events):
        if path.is_file():
            shutil.copyfile(path, bundle.run.path / path.name)
    for name in RESULTS:
        if (folder.path / name).is_dir():
            shutil.copytree(folder.path / name, bundle.run.path / name)


def _card(about: Bundle, found: Exportable) -> str:
    threshold = found.facts.get("threshold")
    lines = [
        f"# {about.model} on {about.dataset}",
        "",
        f"A finished training of Murascope {about.murascope} (run {about.run} where it was made).",
        "",
        f"- kind: {about.kind}",
        f"- pictures: {found.image_size} x {found.image_size} pixels",
        f"- verdicts: {', '.join(found.facts['classes'])}",
        *(
            []
            if threshold is None
            else [f"- threshold in force: {threshold:.6g} (version {found.facts['threshold_version']})"]
        ),
        f"- data: {about.dataset}, fingerprint {about.fingerprint}, licence {about.licences['data'] or 'not known'}",
        *(f"- weights {name}: licence {about.licences.get(name) or 'not known'}" for name in about.weights),
        "",
        "Try it with `murascope bundle verify FILE`, use it with `murascope bundle install FILE`.",
        "",
    ]
    return "\n".join(lines)
