"""What is learned from examples: it is made once, kept without harm, and the same each time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import numpy as np
import pytest

from assistant.offline.arguments import arguments_said
from assistant.offline.cuts import cuts_of
from assistant.offline.examples import arguments_in, examples, examples_of, names_in_examples, several
from assistant.offline.features import features
from assistant.offline.learned import AT_SERVING, LOCK, Learned, digest_of_examples, from_bytes, kept_or_made, learned
from assistant.offline.learning import learn, read_all
from assistant.offline.recognise import recognise
from assistant.tools import planner
from prompts.languages import Language


@pytest.fixture(scope="module")
def content() -> bytes:
    """What a small part of the examples teaches."""
    return _taught().as_bytes()


def _taught() -> Learned:
    return learn(read_all(examples()[::80]), read_all(several()[::20]))


def test_what_was_learned_is_made_once_and_read_from_then_on(tmp_path: Path, content: bytes) -> None:
    made: list[bytes] = []

    def make() -> bytes:
        made.append(content)
        return content

    places = [tmp_path / "home" / "1.npz"]
    first, second = kept_or_made(places, make=make), kept_or_made(places, make=make)
    assert len(made) == 1
    assert np.array_equal(first.intents.weights, second.intents.weights)
    assert first.intents.labels == second.intents.labels


def test_of_two_that_need_it_at_once_one_makes_it(tmp_path: Path, content: bytes) -> None:
    both, made = Barrier(2, timeout=1.0), list[bytes]()

    def make() -> bytes:
        with suppress(BrokenBarrierError):
            both.wait()  # both are here only where neither waits for the other
        made.append(content)
        return content

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: kept_or_made([tmp_path / "1.npz"], make=make), range(2)))
    assert len(made) == 1


@pytest.mark.parametrize("left", [0, 100, 1_000_000])
def test_a_file_that_was_cut_off_is_made_anew(tmp_path: Path, content: bytes, left: int) -> None:
    place = tmp_path / "1.npz"
    place.write_bytes(content[:left])
    kept_or_made([place], make=lambda: content)
    assert place.read_bytes() == content


def test_where_nothing_can_be_written_it_is_kept_in_memory(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "full").write_text("no folder")
    assert kept_or_made([tmp_path / "full" / "1.npz"], make=lambda: content).intents.labels


def test_it_is_kept_at_the_next_place_where_the_first_takes_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "full").write_text("no folder")
    kept_or_made([tmp_path / "full" / "1.npz", tmp_path / "1.npz"], make=lambda: content)
    assert from_bytes((tmp_path / "1.npz").read_bytes()).intents.labels


def test_only_whole_files_appear_and_those_of_other_examples_go(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0.npz").write_bytes(b"old")
    kept_or_made([tmp_path / "1.npz"], make=lambda: content)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.npz", LOCK]


def test_who_reads_what_is_replaced_reads_it_whole(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "1.npz"
    place.write_bytes(b"damaged")
    with place.open("rb") as reading:
        kept_or_made([place], make=lambda: content)
        assert reading.read() == b"damaged"
    assert place.read_bytes() == content


def test_the_same_examples_give_the_same_classifier(content: bytes) -> None:
    assert _taught().as_bytes() == content


def test_learned_on_the_web_servers_side_needs_neither_scikit_learn_nor_the_agent_nor_torch() -> None:
    learned()
    code = (
        "import sys; from assistant.offline.understand import understand; understand('stop r3', datasets=[]);"
        "print([m for m in ('sklearn', 'scipy', 'torch', 'timm') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_what_is_learned_is_made_with_nothing_that_its_digest_leaves_out() -> None:
    code = f"import sys; import assistant.offline.learning; print([m for m in {AT_SERVING} if 'assistant.offline.' + m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_an_argument_that_becomes_a_choice_is_learned_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of_examples()
    digest_of_examples.cache_clear()
    monkeypatch.setattr("assistant.offline.learned.schema_of", lambda name: {"run": {"enum": ["r1"]}})
    assert digest_of_examples() != before
    digest_of_examples.cache_clear()


def test_an_intent_is_ranked_by_what_its_examples_say() -> None:
    said = recognise("please stop the training", datasets=[], language="en")
    ranked = learned().ranked(features(said))
    assert ranked[0][0] == "stop_run"
    assert ranked == sorted(ranked, key=lambda each: -each[1])


def test_no_sentence_is_an_example_of_two_intents() -> None:
    intents: dict[str, set[str]] = {}
    for each in examples():
        intents.setdefault(each.text.lower(), set()).add(each.intent)
    assert {text: found for text, found in intents.items() if len(found) > 1} == {}


def test_every_example_speaks_of_data_by_name() -> None:
    assert "oled" in names_in_examples()


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("can I really trust what r4 says?", "trust"), ("did r9 overfit, you think?", "overfit"), ("why are so many good ones rejected by r2?", "why"),
        ("r3 결과를 정말 믿어도 돼?", "trust"), ("r5 과적합된 거 아니야?", "overfit"), ("r2에서 제일 못 찾는 불량 유형이 뭐야?", "worst"),
        ("r7 的结果到底可不可信？", "trust"), ("r8 为什么漏了这么多缺陷？", "why"), ("r2 里哪种缺陷类型最差？", "worst"),
    ],
)  # fmt: skip
def test_which_choice_a_sentence_makes_is_learned(text: str, question: str) -> None:
    assert (
        learned().choices_made("explain_result", features(recognise(text, datasets=[], language="en")))["question"][0]
        == question
    )


@pytest.mark.parametrize(
    ("language", "text", "settings"),
    [
        ("en", "train for 15 epochs", {"epochs": 15}),
        ("en", "stop early when nothing improves for 15 epochs", {"patience": 15}),
        ("en", "keep the backbone frozen for the first 15 epochs", {"frozen_epochs": 15}),
        ("ko", "15에폭만 돌려줘", {"epochs": 15}),
        ("ko", "15에폭 동안 안 좋아지면 조기 종료해줘", {"patience": 15}),
        ("ko", "처음 15에폭은 백본을 얼려줘", {"frozen_epochs": 15}),
        ("zh", "训练15轮", {"epochs": 15}),
        ("zh", "连续15轮没有提升就早停", {"patience": 15}),
        ("zh", "前15轮冻结主干", {"frozen_epochs": 15}),
    ],
)
def test_which_setting_a_number_is_of_is_learned(language: Language, text: str, settings: dict[str, int]) -> None:
    assert arguments_said(planner(), recognise(text, datasets=[], language=language), learned()) == settings


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "show what r3 missed, |then stop r5"),
        ("ko", "r3 놓친 거 보여주고 |r5는 중지해줘"),
        ("zh", "先看看r3漏检的图，然后|把r5停掉"),
    ],
)
def test_where_one_request_ends_and_the_next_begins_is_learned(language: Language, text: str) -> None:
    """ "|" marks it."""
    at, reading = text.index("|"), recognise(text.replace("|", ""), datasets=[], language=language)
    scores = {cut.start: learned().parts_at(cut, reading) for cut in cuts_of(reading)}
    assert max(scores, key=lambda start: scores[start]) == at


def test_a_line_that_is_no_example_is_named(tmp_path: Path) -> None:
    (tmp_path / "examples.txt").write_text("en | batch_size=8 | batch 8\nfr | | bonjour\n", "utf-8")
    with pytest.raises(ValueError, match=r"examples\.txt, line 2"):
        list(examples_of(tmp_path))


def test_values_of_examples_are_written_plainly_or_as_json() -> None:
    told = arguments_in(
        'dataset=oled name="two words" members=["r3","r5"] overkill_rate=0.01 tiles=2 include_good=true'
    )
    assert told == {
        "dataset": "oled",
        "name": "two words",
        "members": ["r3", "r5"],
        "overkill_rate": 0.01,
        "tiles": 2,
        "include_good": True,
    }
