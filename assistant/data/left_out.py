"""What of a data set's folder is not used, put together by the reason, for the page, the chat and the terminal alike."""

from collections.abc import Sequence
from typing import Any, Literal

from engine.contract.data import DataFacts, LeftOut
from prompts.page_texts import filled, page_texts

SHOWN = 4  # endings and folders of a reason that are named
GRAVEST_FIRST = (
    "ending",
    "unpaired_mask",
    "unread_folder",
    "side_channel",
    "label_file",
    "page",
    "link",
    "learnt_from",
)


def by_reason(left_out: Sequence[LeftOut]) -> list[dict[str, Any]]:
    """One entry for each reason: how many files, of which endings, in which folders, those with the most first.

    A reason that is not known here, such as one of a newer engine, comes last: nothing is left out in silence.
    """
    found = []
    for reason in dict.fromkeys((*GRAVEST_FIRST, *(each.reason for each in left_out))):
        entries = [each for each in left_out if each.reason == reason]
        if entries:
            endings, folders = (_most_first(entries, part) for part in ("ending", "where"))
            found.append(
                {
                    "reason": reason,
                    "count": sum(each.count for each in entries),
                    "endings": [ending for ending in endings if ending][:SHOWN],
                    "folders": folders[:SHOWN],
                    "more_folders": max(0, len(folders) - SHOWN),
                }
            )
    return found


def lines_of(facts: DataFacts) -> list[str]:
    """What a terminal says of a data set besides its numbers: notices, broken files, and what is not used."""
    lines = [f"note: {each.message}" for each in facts.notices if each.code != "broken_images"]
    lines += [f"left out: {each.name}: {each.reason}" for each in facts.broken]
    return [*lines, *lines_of_left_out(facts.left_out)]


def lines_of_left_out(left_out: Sequence[LeftOut]) -> list[str]:
    lines, texts = [], page_texts("en")
    for each in by_reason(left_out):
        more = f" and {each['more_folders']} more" if each["more_folders"] else ""
        endings = f" ({', '.join(each['endings'])})" if each["endings"] else ""
        what = filled(texts.get(f"left_out.{each['reason']}", f"{{count}} ({each['reason']})"), each)
        lines.append(f"not used: {what}{endings}: in {', '.join(each['folders'])}{more}")
    return lines


def _most_first(entries: Sequence[LeftOut], part: Literal["ending", "where"]) -> list[str]:
    counts: dict[str, int] = {}
    for each in entries:
        name = getattr(each, part)
        counts[name] = counts.get(name, 0) + each.count
    return sorted(counts, key=lambda name: (-counts[name], name))
