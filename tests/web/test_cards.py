"""Each kind of card, drawn from facts in every language."""

import asyncio

import pytest

from assistant.frames import (
    AssistantItem,
    ChoicesItem,
    ConfirmItem,
    ErrorItem,
    Estimate,
    Figure,
    GroupItem,
    HeatmapImage,
    HeatmapsItem,
    Item,
    Member,
    Notice,
    PlannedGroup,
    PlannedTrial,
    Portion,
    ProposalItem,
    RunItem,
    Setting,
    ToolItem,
    UserItem,
)
from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.data_facts import stored_facts
from web.render import Renderer, field_text

EVIL = "<img src=x onerror=alert(1)>"


def proposal(**changes: object) -> ProposalItem:
    number = Setting(
        name="coreset_ratio", value=0.1, default=0.2, type="number", description=EVIL, minimum=0, maximum=1, main=True
    )
    limit = {"name": "batch_size", "value": "4096", "limit": 512}
    problem = {"problem": "too large", "problem_kind": "too_large", "problem_values": limit}
    wrong = number.model_copy(update={"name": "batch_size", "main": False, **problem})
    unread = [("test/oil", ".jfif", 10), (EVIL, EVIL, 1), *((f"more/{number}", ".jfif", 1) for number in range(5))]
    left_out = [{"where": where, "ending": end, "reason": "ending", "count": count} for where, end, count in unread]
    pages = {"where": ".", "ending": ".tif", "reason": "page", "count": 5}
    counts = {"train_good": 1200, "test_good": 1, "test_defective": 0, "masks": 0}
    facts = stored_facts(**counts, left_out=[*left_out, pages])
    figures = [Figure(name=name, count=count) for name, count in counts.items()]
    plan = ProposalItem(
        proposal="p1", revision=2, dataset=EVIL, dataset_facts=facts, figures=figures, model="patchcore", model_title="PatchCore", settings=[number, wrong],
        notices=[Notice(code="no_masks", message="no masks"), Notice(code="other", message="said plainly")], estimate=Estimate(seconds=130, basis=1),
    )  # fmt: skip
    return plan.model_copy(update=changes)


SWEEP = PlannedGroup(
    sort="sweep",
    varied=["image_size"],
    trials=[PlannedTrial(differs={"image_size": 128}, seconds=20.0)],
    search={"coreset_ratio": (0.01, 0.5)},
    most=12,
    minutes=10,
)
MANY = PlannedGroup(
    sort="many",
    varied=["model", "dataset", "layers", "normalisation"],
    trials=[
        PlannedTrial(
            differs={"model": "padim", "dataset": EVIL, "layers": [1, 2], "normalisation": "image"}, seconds=3.0
        ),
        PlannedTrial(differs={"model": "never_seen"}, left_out=Notice(code="unfit", message=EVIL)),
    ],
)
IMAGE = HeatmapImage(
    index=3, name=EVIL, label="defective", defect_type=EVIL, score=0.5, verdict="good", outcome="missed", has_truth=True
)
BROKEN = {"code": "data_all_broken", "message": EVIL, "hint": EVIL, "values": {"count": 3}}
ITEMS: list[Item] = [
    UserItem(text=EVIL),
    ChoicesItem(choices=[EVIL, "oled"]),
    ChoicesItem(choices=[EVIL], state="settled", chosen=EVIL),
    ChoicesItem(choices=["oled"], state="settled"),
    AssistantItem(text=f"**hi** {EVIL}", state="stopped"),
    ToolItem(tool="inspect_dataset", arguments={"dataset": EVIL}, state="failed", error=EVIL, seconds=0.4),
    ToolItem(tool="a_new_tool", arguments={}, state="done", result={"rows": [{"a": EVIL}], "long": "x" * 900}),
    ToolItem(tool="list_models", arguments={}),
    proposal(),
    proposal(state="approved", run="r1"),
    proposal(problem=EVIL),
    ConfirmItem(call="c1", action="stop_run", values={"run": "r1"}),
    ConfirmItem(call="c1", action="stop_run", values={"run": "r1"}, state="no"),
    RunItem(run="r404"),
    GroupItem(group="g404"),
    proposal(group=SWEEP),
    proposal(state="approved", run="g1", group=MANY),
    HeatmapsItem(run="r1", which="missed", threshold=0.7, total=9, images=[IMAGE]),
    HeatmapsItem(run="r1", which="false_alarms", threshold=0.7, total=0, images=[]),
    ErrorItem(code="llm_busy", message=EVIL, hint="wait", details=EVIL, retry=True),
    ErrorItem(code="never_seen", message="m", hint="h"),
    ErrorItem(code="data_empty", message="m", hint="h", values={"problems": [BROKEN]}),
]


def draw(settings: Settings, item: Item, language: str = "en") -> str:
    async def inside() -> str:
        async with Workspace.open(settings) as workspace:
            return await Renderer(settings, workspace).card("key-1", item, language)

    return asyncio.run(inside())


@pytest.mark.parametrize("language", ["en", "ko", "zh"])
def test_every_card_is_one_element_with_its_key_and_escapes_what_it_shows(settings: Settings, language: str) -> None:
    for item in ITEMS:
        html = draw(settings, item, language).strip()
        assert html.startswith("<article")
        assert html.count('data-key="key-1"') == 1
        assert "<img src=x" not in html, item.kind
        assert " style=" not in html


def test_a_notice_says_itself_whether_it_is_grave(settings: Settings) -> None:
    notices = [Notice(code="few_of_class", message="few", grave=True), Notice(code="few_good", message="said plainly")]
    grave, plain = draw(settings, proposal(notices=notices)).split("<li data-code")[1:3]
    assert "#alert" in grave and "#info" in plain


def test_a_plan_shows_each_class_with_what_its_images_are_for(settings: Settings) -> None:
    portions = [Portion(name=EVIL, counts={"fit": 24, "validation": 8, "test": 8}, about=True)]
    drawn = draw(settings, proposal(portions=portions))
    assert all(f">{number}</td>" in drawn for number in (24, 8)) and "learn from" in drawn and "About" in drawn
    assert "portions" not in draw(settings, proposal())


def test_a_member_of_an_ensemble_is_told_by_its_own_headline_and_an_older_card_still_reads(settings: Settings) -> None:
    member = Member(run="r1", model_title="ResNet", headline=("balanced_accuracy", 0.875))
    assert "0.875" in draw(settings, proposal(members=[member]))
    older = Member.model_validate({"run": "r1", "model_title": "PaDiM", "image_auroc": 0.5})
    assert older.headline == ("image_auroc", 0.5)
    assert Member.model_validate({"run": "r1", "model_title": "PaDiM", "image_auroc": None}).headline is None


def test_an_open_plan_can_be_edited_and_approved(settings: Settings) -> None:
    html = draw(settings, proposal())
    for piece in (
        'data-action="approve"',
        'data-revision="2"',
        'name="coreset_ratio"',
        'min="0"',
        'max="1"',
        "1,200",
        "2 min",
        "4096 is too large. The limit is 512.",
    ):
        assert piece in html
    assert "autofocus" not in html


def test_every_problem_of_a_data_set_is_told_on_its_card_in_the_readers_language(settings: Settings) -> None:
    few = {"code": "data_too_few_good", "message": "m", "hint": "h", "values": {"good": 2, "needed": 3}}
    html = draw(
        settings, ErrorItem(code="data_all_broken", message="m", hint="h", values={"problems": [BROKEN, few]}), "ko"
    )
    assert "이미지 3장을 하나도 읽을 수 없습니다" in html
    assert "양품을 더 넣으세요" in html


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (0.1, "0.1"), (1e-5, "1e-05"), ([1, 2], "1, 2"), (None, ""), ("abc", "abc"), (True, "true")],
)
def test_values_stand_in_their_fields_as_they_would_be_typed(value: object, text: str) -> None:
    assert field_text(value) == text


def test_a_refused_setting_is_explained_in_the_readers_language_or_in_english(settings: Settings) -> None:
    assert "4096 过大，上限为 512。" in draw(settings, proposal(), "zh")
    plan = proposal()
    plan.settings[1].problem_kind = "other"
    assert ">too large</span>" in draw(settings, plan, "zh")


def test_a_decided_plan_can_not(settings: Settings) -> None:
    html = draw(settings, proposal(state="approved", run="r7"))
    assert "data-action=" not in html
    assert 'href="/runs/r7"' in html


def test_a_notice_is_worded_by_its_code_or_said_plainly(settings: Settings) -> None:
    html = draw(settings, proposal(), "ko")
    assert "결함 마스크가 없어" in html
    assert "said plainly" in html


def test_a_plan_says_at_a_glance_what_is_not_used_and_why(settings: Settings) -> None:
    html = draw(settings, proposal())
    assert "16 files are not used" in html  # a further page is no file
    assert "16 of a kind that is not read" in html
    assert ".jfif" in html
    assert "test/oil" in html
    assert "and 3 more folders" in html
    assert html.index("left-out") < html.index('data-code="no_masks"')
