"""Saved classifiers: a folder with the state as safetensors and the model's card beside it, whole or not there."""

from engine.checkpoints import load_state, save_state
from engine.contract.checksums import GONE, LIST, DamagedFile, refuse_damage
from engine.contract.folder import ModelFolder
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.plain_files import whole_folder
from engine.contract.results.classify import ClassifyCard
from engine.tasks.classify.classifier import Classifier
from engine.weights import Weights


def save_classifier(folder: ModelFolder, model: Classifier, *, card: ClassifyCard) -> None:
    """Write the model folder; it appears whole or not at all. All weights lie in it: none are as they came."""
    with whole_folder(folder.path) as aside:
        into = ModelFolder(aside)
        save_state(into.state, model.state_to_save())
        into.write_card(card.model_copy(update={"checksums": LIST}))
        into.seal()


def load_classifier(folder: ModelFolder) -> tuple[Classifier, ClassifyCard]:
    """The classifier of a folder, ready to class, and its card.

    Raises:
        ValueError: a file is gone or damaged, or belongs to another model.
    """
    refuse_damage(folder.path)
    try:
        card = folder.read_card(ClassifyCard)
    except FileNotFoundError:
        raise DamagedFile(folder.card, GONE) from None
    weights = Weights(card.weights.source or "random", card.weights.tag)
    model = Classifier(ClassifyJob.model_validate(card.spec), [1] * len(card.classes), weights, is_saved=True)
    state, _ = load_state(folder.state)
    model.load_saved(state)
    return model.eval(), card
