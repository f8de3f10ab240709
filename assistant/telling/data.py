"""What is in a data set, in sentences."""

from collections.abc import Iterator
from typing import Any

from assistant.data.facts import NamedFacts
from assistant.data.left_out import by_reason
from assistant.kinds.claims import About, Claim, Outline, plain_names
from prompts.figures import count

TOLD_APART = {  # notices of files, which are told by their number
    "broken_images", "unread_folders", "unread_endings", "unpaired_masks", "links_left_out", "side_channels", "more_pages",
}  # fmt: skip
OUTLINE: Outline = (
    ("train_good", "tested", "masks"),
    ("type.*",),
    ("broken", "broken_as"),
    ("left_out.*",),
    ("notice.*",),
    ("synthetic",),
)


def claims_of_dataset(facts: NamedFacts) -> list[Claim]:
    """All that may be said of a data set's facts."""
    name = facts.dataset
    about = About(plain_names([name])[name], named={"data": name})
    return [
        about.claim("train_good", "train_good", good=count(facts.train_good)),
        about.claim("tested", "test_images", good=count(facts.test_good), defective=count(facts.test_defective)),
        about.claim("images", "images", images=count(facts.train_good + facts.test_good + facts.test_defective)),
        *([about.claim("masks", "masks", masks=count(facts.masks))] if facts.masks else []),
        *_on_types(about, facts),
        *_on_files(about, facts),
        *([about.claim("synthetic", "synthetic_data")] if facts.synthetic else []),
        *_on_notices(about, facts),
    ]


def _on_types(about: About, facts: NamedFacts) -> Iterator[Claim]:
    ids = plain_names(facts.defect_types)
    for name, images in facts.defect_types.items():
        yield about.claim(f"type.{ids[name]}", "defect_type", type=name, images=count(images))


def _on_files(about: About, facts: NamedFacts) -> Iterator[Claim]:
    if facts.broken:
        yield about.claim("broken", "broken_files", broken=count(len(facts.broken)))
        first = facts.broken[0]
        yield about.claim("broken_as", "broken_as", file=first.name, reason=first.reason)
    for each in by_reason(facts.left_out):
        told: dict[str, Any] = {
            "endings": each["endings"],
            "folders": each["folders"],
            "more": count(each["more_folders"]),
        }
        yield about.claim(
            f"left_out.{each['reason']}", "left_out_files", reason=each["reason"], files=count(each["count"]), **told
        )


def _on_notices(about: About, facts: NamedFacts) -> Iterator[Claim]:
    """What the check noticed; broken files and those left out are told apart."""
    for each in facts.notices:
        if each.code in TOLD_APART:
            continue
        yield about.claim(f"notice.{each.code}", "notice", code=each.code, message=each.message, told=dict(each.values))
