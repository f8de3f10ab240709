"""What is learned from examples: it is made once, kept without harm, and the same each time."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assistant.offline.examples import examples, names_in_examples
from assistant.offline.intents import from_bytes, kept_or_made, learned_intents
from assistant.offline.learning import fit, read_all
from assistant.offline.recognise import recognise


@pytest.fixture(scope="module")
def content() -> bytes:
    """A small classifier."""
    some = examples()[::40]
    return fit(read_all(some), [each.intent for each in some]).as_bytes()


def test_what_was_learned_is_made_once_and_read_from_then_on(tmp_path: Path, content: bytes) -> None:
    made: list[bytes] = []

    def make() -> bytes:
        made.append(content)
        return content

    places = [tmp_path / "home" / "intents-1.npz"]
    first, second = kept_or_made(places, make=make), kept_or_made(places, make=make)
    assert len(made) == 1
    assert np.array_equal(first.weights, second.weights)
    assert first.names == second.names


@pytest.mark.parametrize("left", [0, 100, 1_000_000])
def test_a_file_that_was_cut_off_is_made_anew(tmp_path: Path, content: bytes, left: int) -> None:
    place = tmp_path / "intents-1.npz"
    place.write_bytes(content[:left])
    kept_or_made([place], make=lambda: content)
    assert place.read_bytes() == content


def test_where_nothing_can_be_written_it_is_kept_in_memory(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "full").write_text("no folder")
    assert kept_or_made([tmp_path / "full" / "intents-1.npz"], make=lambda: content).names


def test_it_is_kept_at_the_next_place_where_the_first_takes_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "full").write_text("no folder")
    kept_or_made([tmp_path / "full" / "intents-1.npz", tmp_path / "intents-1.npz"], make=lambda: content)
    assert from_bytes((tmp_path / "intents-1.npz").read_bytes()).names


def test_only_whole_files_appear_and_those_of_other_examples_go(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "intents-0.npz").write_bytes(b"old")
    kept_or_made([tmp_path / "intents-1.npz"], make=lambda: content)
    assert [path.name for path in tmp_path.iterdir()] == ["intents-1.npz"]


def test_the_same_examples_give_the_same_classifier(content: bytes) -> None:
    some = examples()[::40]
    assert fit(read_all(some), [each.intent for each in some]).as_bytes() == content


def test_learned_on_the_web_servers_side_needs_neither_scikit_learn_nor_the_agent_nor_torch() -> None:
    learned_intents()
    code = (
        "import sys; from assistant.offline.understand import understand; understand('stop r3', datasets=[]);"
        "print([m for m in ('sklearn', 'scipy', 'torch', 'timm') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_an_intent_is_ranked_by_what_its_examples_say() -> None:
    said = recognise("please stop the training", datasets=[], language="en")
    ranked = learned_intents().ranked(said)
    assert ranked[0][0] == "stop_run"
    assert ranked == sorted(ranked, key=lambda each: -each[1])


def test_no_sentence_is_an_example_of_two_intents() -> None:
    intents: dict[str, set[str]] = {}
    for each in examples():
        intents.setdefault(each.text.lower(), set()).add(each.intent)
    assert {text: found for text, found in intents.items() if len(found) > 1} == {}


def test_every_example_speaks_of_data_by_name() -> None:
    assert "oled" in names_in_examples(examples())
