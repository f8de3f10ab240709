from typing import Any

from assistant.left_out import by_reason, lines_of_left_out


def entry(where: str, ending: str, reason: str, count: int) -> dict[str, Any]:
    return {"where": where, "ending": ending, "reason": reason, "count": count}


def test_files_are_put_together_by_the_reason_with_the_most_first() -> None:
    entries = [entry(f"f{number}", ".gif" if number else ".jfif", "ending", number + 1) for number in range(6)]
    found = by_reason([entry("masks", ".png", "unpaired_mask", 2), *entries])
    assert found == [
        {"reason": "ending", "count": 21, "endings": [".gif", ".jfif"], "folders": ["f5", "f4", "f3", "f2"], "more_folders": 2},
        {"reason": "unpaired_mask", "count": 2, "endings": [".png"], "folders": ["masks"], "more_folders": 0},
    ]  # fmt: skip


def test_a_terminal_names_number_kind_and_place() -> None:
    lines = lines_of_left_out([entry("test/oil", ".jfif", "ending", 4), entry(".", "", "link", 1)])
    assert lines == [
        "not used: 4 of a kind that is not read (.jfif): in test/oil",
        "not used: 1 links that are not followed: in .",
    ]
