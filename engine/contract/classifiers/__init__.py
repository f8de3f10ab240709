"""Every family of networks that a classifier can be of: what it is and each hyper-parameter that it takes. Loads no torch.

A family is a file of this folder with a class of Params whose `name` is the file's name; nothing lists them.
"""

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from engine.contract.classifiers.classifier import ClassifierParams
from engine.contract.variants import variants

__all__ = ["CLASSIFIERS", "AnyClassifier", "ClassifierParams"]

# name -> class of its Params, the plainest first
CLASSIFIERS = dict(sorted(variants(__name__, ClassifierParams, tag="name").items(), key=lambda item: item[1].rank))

if TYPE_CHECKING:
    AnyClassifier = ClassifierParams
else:
    AnyClassifier = Annotated[Union[tuple(CLASSIFIERS.values())], Field(discriminator="name")]  # noqa: UP007  (of a tuple)
