"""Why something could not be is stored in English and read in three languages; each sentence of ours has its words."""

import ast
import re
from pathlib import Path

import pytest

from assistant.runs.last_word import end_of
from assistant.store.tables import OUTCOMES
from engine.contract.verdicts import NEEDS_MAPS, NOT_KEPT
from engine.evaluation.measurement import NO_MASKS
from engine.failures import DataChanged, DataError, SettingError, SpecChanged, failure
from engine.report import TimeLimit
from prompts.as_they_stand import as_it_stands
from prompts.page_texts import PLACEHOLDER
from prompts.reasons import DEEPEST, english_reasons, reason_in

ROOT = Path(__file__).resolve().parents[2]
SAY_WHY = (  # modules whose sentences these are
    "engine/evaluation", "engine/tasks/classify/measurement.py", "engine/contract/verdicts.py", "engine/failures.py", "engine/node.py",
    "assistant/runs", "assistant/models/study.py", "engine/contract/pictures.py",
)  # fmt: skip
WHICH = re.compile(r"\b(?:good|defective)\b")
ENDS = [
    *(end_of(each).reason for each in OUTCOMES if each not in ("done", "stopped")),
    end_of("killed", -9).reason,
    end_of("exited", 3, told="OOMKilled").reason,
    end_of("lost", told="its pod is gone: Evicted").reason,
]
FAILURES = [
    failure(each)
    for each in (TimeLimit(), MemoryError(), OSError(28, "no space"), DataChanged("x"), SpecChanged("x"), DataError("x"), SettingError("x"))
]  # fmt: skip
SAID = [
    NO_MASKS,
    NOT_KEPT,
    NEEDS_MAPS,
    "there are no good images to test with",
    "there are no defective images to test with",
    "3 good and 4 defective test images; 5 of each are needed to learn a confidence",
    "there are no test pictures of 'dent', 'a_b'",
    "the file is empty",
    "not a picture in a known format (PNG, JPEG, BMP, TIFF, WEBP)",
    "damaged: broken data stream",
    *(each for each in ENDS if each),
    *(each.hint for each in FAILURES),
    "go on with the run, after epoch 3; if it happens again, plan it anew with a smaller batch_size or image_size: the machine may have "
    "run out of memory",
]


@pytest.mark.parametrize("reason", SAID)
def test_a_reason_that_is_ours_is_said_in_three_languages(reason: str) -> None:
    assert reason_in("en", reason) == reason
    for language, letters in (("ko", "가힣"), ("zh", "一鿿")):
        for text in (reason, as_it_stands(reason)):
            said = reason_in(language, text)  # type: ignore[arg-type]
            assert any(letters[0] <= each <= letters[1] for each in said) and " the " not in said, said
    assert len({reason_in("ko", reason), reason_in("zh", reason)}) == 2


@pytest.mark.parametrize("reason", ["CUDA error (99)", "", "a (b", "unknown; and so on"])
def test_what_others_said_stays_as_it_is(reason: str) -> None:
    assert reason_in("ko", reason) == reason


@pytest.mark.parametrize("nested", ["memory ran out: ", "memory ran out: x; ", "stopped by the user ("])
@pytest.mark.parametrize("times", [100, 5000])
def test_a_reason_that_a_log_made_up_is_told_whole_however_it_is_nested(nested: str, times: int) -> None:
    said = reason_in("ko", nested * times + "end" + ")" * times)
    assert said.count("end") == 1 and said.count(nested.strip()) >= times - DEEPEST


def test_what_stands_in_a_reason_is_kept() -> None:
    assert "SIGKILL" in reason_in("ko", end_of("killed", -9).reason or "") and "9" in reason_in(
        "zh", end_of("killed", -9).reason or ""
    )
    assert "OOMKilled" in reason_in("ko", end_of("exited", 3, told="OOMKilled").reason or "")


def test_each_sentence_is_still_one_that_somebody_says() -> None:
    """Its literal parts stand in the code: whoever words one otherwise words it here too."""
    spoken = ""
    for place in SAY_WHY:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            tree = ast.parse(file.read_text("utf-8"))
            spoken += "\0".join(
                each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )
    for key, text in english_reasons().items():
        pieces = [piece.strip("() ") for literal in PLACEHOLDER.split(text)[::2] for piece in WHICH.split(literal)]
        assert not [piece for piece in pieces if len(piece) > 8 and piece not in spoken], key
