"""What people write on a run is data: one line, without what nobody sees, and never too long."""

import pytest

from assistant.runs.labels import LONGEST_NAME, MOST_TAGS, BadLabel, labels


def test_a_name_is_one_line_of_what_can_be_seen() -> None:
    hostile = " line 3\r\n\x1b[31mred\x00\u202egnp\u2028<b>x</b> "
    assert labels(name=hostile) == {"name": "line 3 [31mred gnp <b>x</b>"}


def test_a_note_keeps_its_lines_and_nothing_else_that_is_unseen() -> None:
    assert labels(note="first\r\nsecond\x07\n\n third ") == {"note": "first\nsecond\n\nthird"}


def test_a_tag_is_kept_once_however_it_is_spelt_and_a_comma_parts_two() -> None:
    assert labels(tags=["#Line 3", "line 3", "mura, 불량", " "]) == {"tags": ["Line 3", "mura", "불량"]}


def test_what_is_left_out_is_not_written() -> None:
    assert labels() == {}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "n" * (LONGEST_NAME + 1)}, "name_too_long"),
        ({"note": "n" * 2001}, "note_too_long"),
        ({"tags": ["t" * 41]}, "tag_too_long"),
        ({"tags": [f"t{i}" for i in range(MOST_TAGS + 1)]}, "too_many_tags"),
    ],
)
def test_what_is_too_long_is_refused_with_how_much_is_taken(given: dict[str, object], code: str) -> None:
    with pytest.raises(BadLabel, match="at most") as refused:
        labels(**given)  # type: ignore[arg-type]
    assert refused.value.code == code
