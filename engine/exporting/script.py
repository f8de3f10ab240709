"""The script beside an exported ONNX file: it judges pictures with numpy, onnxruntime and Pillow alone."""

from engine.contract.results.exported import InFile

SCRIPT = '''\
"""Judges pictures by {name}, without Murascope: pip install numpy onnxruntime pillow; python {stem}_run.py PICTURE ..."""
import json, sys, pathlib, numpy, onnxruntime
from PIL import Image, ImageOps
session = onnxruntime.InferenceSession(pathlib.Path(__file__).with_name({name!r}))
facts = json.loads(session.get_modelmeta().custom_metadata_map["murascope"])
size = (facts["image_size"],) * 2
for name in sys.argv[1:]:
    picture = ImageOps.exif_transpose(Image.open(name)).convert("RGB").resize(size, Image.Resampling.BILINEAR)
    said = dict(zip([each.name for each in session.get_outputs()], session.run(None, {{"image": {pixels}[None]}})))
    print(name, {verdict}, sep="\\t")
'''
PIXELS = {"uint8": "numpy.asarray(picture)", "uint16": "numpy.asarray(picture).astype(numpy.uint16) * 257"}
VERDICTS = {
    True: 'facts["classes"][int(said["is_defective"][0])], float(said["score"][0])',
    False: 'facts["classes"][int(said["class_index"][0])], float(said["probabilities"][0].max())',
}


def script_for(name: str, about: InFile) -> str:
    """Of the file `name`."""
    return SCRIPT.format(
        name=name,
        stem=name.removesuffix(".onnx"),
        pixels=PIXELS[about.input.split()[0]],
        verdict=VERDICTS["score" in about.outputs],
    )
