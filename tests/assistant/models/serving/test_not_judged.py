"""Pictures that could not be judged, by their reasons."""

from assistant.models.serving.not_judged import MOST_REASONS, OTHERS, NotJudged


def test_reasons_that_differ_in_a_number_are_one() -> None:
    tally = NotJudged()
    assert tally.add({"name": "whole.png", "verdict": "good"}) is None
    for number in range(5):
        tally.add({"name": f"{number}.png", "broken": f"damaged: cut off after {number} bytes"})
    tally.add({"name": "empty.png", "broken": "the file is empty"})
    assert tally.told() == [
        {"reason": "damaged: cut off after … bytes", "count": 5, "names": ["0.png", "1.png", "2.png"]},
        {"reason": "the file is empty", "count": 1, "names": ["empty.png"]},
    ]


def test_however_many_reasons_there_are_few_are_told() -> None:
    tally = NotJudged()
    for letter in range(200):
        tally.add({"name": "a.png", "failed": chr(ord("a") + letter)})
    assert (tally.count, len(tally.reasons)) == (200, MOST_REASONS + 1)
    assert (tally.reasons[0].reason, tally.reasons[0].count) == (OTHERS, 200 - MOST_REASONS)
