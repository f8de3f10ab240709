"""What goes over the chat socket, both ways, and what a conversation is made of.

A conversation is a list of items (what was said, tool cards, plans, runs, results). An item has a key that never changes and a
revision that grows with each change anywhere in its conversation, so a browser that was away asks for all items with
`revision > after` and has lost nothing. Items hold facts; the web words and draws them, in the reader's language.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from engine.contract.data import DataFacts
from engine.contract.jobs import FIRST_KIND


class Frame(BaseModel):
    model_config = ConfigDict(extra="forbid")


# ---- items: what a conversation is made of ----


class UserItem(Frame):
    kind: Literal["user"] = "user"
    text: str


class AssistantItem(Frame):
    """Something the assistant said, in Markdown. `state` is streaming while it still grows, stopped when the user cut it off."""

    kind: Literal["assistant"] = "assistant"
    text: str
    state: Literal["streaming", "done", "stopped"] = "done"
    withheld: bool = Field(default=False, description="a sentence of an LLM was left out")
    can_be_said: bool = Field(
        default=False, description="what stands between asterisks, by pressing it: the words are our own"
    )


class ToolItem(Frame):
    """One tool call, folded to a line; opens to what went in and what came out. One that could not be done so asks the user back."""

    kind: Literal["tool"] = "tool"
    tool: str
    arguments: dict[str, Any]
    state: Literal["running", "done", "asks", "failed"] = "running"
    seconds: float | None = None
    result: dict[str, Any] | None = None
    error: str | None = None


class Notice(Frame):
    """Something said by code, worded by the page (locales: notice.<code>) with these values; `message` is the English wording."""

    code: str
    message: str
    values: dict[str, Any] = {}
    grave: bool = Field(default=False, description="the result may be worthless, or say more than it can")


class Setting(Frame):
    """One editable setting of a plan, described by the field of the job or of its Params it belongs to."""

    name: str
    value: Any
    default: Any
    type: Literal["integer", "number", "text", "choice", "boolean", "integers", "texts"]
    description: str
    choices: list[str] | None = None
    offered: list[str] = Field(default=[], description="values that are at hand on this machine; others may be typed")
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    optional: bool = Field(default=False, description="may be left empty")
    because: Notice | None = Field(
        default=None,
        description="why it has this value, when nobody asked for it in this plan (locales: because.<code>)",
    )
    main: bool = Field(description="shown on the card at once; the others stand behind 'all settings'")
    problem: str | None = Field(default=None, description="why the last edit of this field was refused, in English")
    problem_kind: str | None = Field(
        default=None, description="kind of the refusal (engine.contract.jobs.Problem), for other languages"
    )
    problem_values: dict[str, Any] = {}


class Estimate(Frame):
    """Expected duration. `basis` is how many earlier runs on this machine it rests on; 0 is a first guess."""

    seconds: float
    basis: int


class Member(Frame):
    """A finished run that an ensemble puts together."""

    run: str
    model_title: str
    headline: tuple[str, float] | None = Field(
        default=None, description="the metric that tells it in one, and its value"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_card(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or "image_auroc" not in fields:
            return fields
        measured = fields["image_auroc"]
        rest = {name: each for name, each in fields.items() if name != "image_auroc"}
        return rest | {"headline": None if measured is None else ("image_auroc", measured)}


class Figure(Frame):
    """How many of something a plan has to learn from; the page names it (locales: facts.<name>)."""

    name: str
    count: int


class Portion(Frame):
    """How many images of a class go to which part of a run; the page names the parts (locales: portion.<part>)."""

    name: str
    counts: dict[str, int]
    about: bool = Field(default=False, description="the parts can differ a little: images belong to groups")


class PlannedTrial(Frame):
    """One run of a plan of several: what differs from the others, how long it takes, or why it is left out."""

    differs: dict[str, Any]
    seconds: float | None = None
    left_out: Notice | None = None


class PlannedGroup(Frame):
    """What a plan of several runs tries. `search`: the settings that are looked for, with where."""

    sort: Literal["many", "sweep", "recommend"]
    varied: list[str]
    trials: list[PlannedTrial]
    search: dict[str, tuple[float, float]] = {}
    most: int = Field(default=0, description="trainings of a search")
    minutes: float | None = None


class ProposalItem(Frame):
    """A training plan that waits for the user's yes."""

    kind: Literal["proposal"] = "proposal"
    task: str = Field(default=FIRST_KIND, description="the kind of run")
    proposal: str
    revision: int = Field(description="of the plan; an approval names the revision it saw")
    state: Literal["open", "approved", "declined", "superseded"] = "open"
    dataset: str
    dataset_facts: DataFacts = Field(description="what the check found, without the list of pictures")
    figures: list[Figure] = Field(default=[], description="of the data, as the kind of run counts it")
    portions: list[Portion] = Field(default=[], description="of the classes that are learnt")
    model: str
    model_title: str
    settings: list[Setting]
    members: list[Member] = Field(default=[], description="of an ensemble")
    group: PlannedGroup | None = Field(
        default=None, description="of a plan of several runs, whose base the settings are"
    )
    can_be_undone: bool = Field(default=False, description="it was changed, and can be as it was before")
    notices: list[Notice]
    estimate: Estimate
    run: str | None = None
    problem: str | None = Field(
        default=None, description="why the last edit was refused, when it belongs to no single field"
    )
    problem_kind: str | None = Field(default=None, description="its kind, for other languages, as of a setting")
    problem_values: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_card(cls, fields: Any) -> Any:
        """Older ones told broken files by their number, and those left out as they are read; they had no path."""
        facts = fields.get("dataset_facts") if isinstance(fields, dict) else None
        if not isinstance(facts, dict) or not isinstance(facts.get("broken"), int):
            return fields
        kept = {name: value for name, value in facts.items() if name not in ("broken", "left_out")}
        return fields | {"dataset_facts": {"path": "", **kept}}


class ConfirmItem(Frame):
    """A tool wants to do something that cannot be undone; worded by the page (tool.<action>.asks) with these values."""

    kind: Literal["confirm"] = "confirm"
    call: str
    action: str = Field(description="the tool that asks")
    values: dict[str, Any]
    state: Literal["open", "yes", "no", "passed"] = Field(
        default="open", description="passed: something else was said, so nothing was done"
    )
    ends: bool = Field(default=True, description="a yes stops or ends something, so only a yes proper is one")


class ChoicesItem(Frame):
    """A question back, asked in words above it: what can be answered, each a button that says exactly that. Or what is `offered` beside an
    answer: no question, so no bare word answers it, and it stays while other things are said."""

    kind: Literal["choices"] = "choices"
    choices: list[str]
    offered: bool = False
    state: Literal["open", "settled"] = "open"
    chosen: str | None = Field(default=None, description="which of them; none: something else was said")


class RunItem(Frame):
    """A run that was started; the page follows its events."""

    kind: Literal["run"] = "run"
    run: str


class GroupItem(Frame):
    """A group of runs that was started; the page looks at how it goes on."""

    kind: Literal["group"] = "group"
    group: str


class HeatmapImage(Frame):
    index: int
    name: str = Field(description="path of the image inside the data set")
    label: str = Field(description="what it is: good, defective or unknown, or its class")
    defect_type: str | None
    score: float
    verdict: str = Field(description="what the model takes it for")
    outcome: str = Field(description="how the two compare (locales: outcome.<outcome>)")
    has_truth: bool


class HeatmapsItem(Frame):
    """A gallery of inspected images of a run; which there are, and how they are drawn, is a matter of its kind of run."""

    kind: Literal["heatmaps"] = "heatmaps"
    task: str = FIRST_KIND
    run: str
    which: str
    defect_type: str | None = None
    threshold: float | None = None
    total: int = Field(description="how many images fit the question; the gallery may show fewer")
    images: list[HeatmapImage]


class ErrorItem(Frame):
    """Something went wrong in a turn. Worded by the page (locales: error.<code>) with `values`, of which `problems` are several
    that are worded one by one; `message` and `hint` are the English wording."""

    kind: Literal["error"] = "error"
    code: str
    message: str
    hint: str
    values: dict[str, Any] = {}
    details: str = ""
    retry: bool = Field(default=False, description="the same message can be sent again")


Item = Annotated[
    UserItem
    | AssistantItem
    | ToolItem
    | ProposalItem
    | ConfirmItem
    | ChoicesItem
    | RunItem
    | GroupItem
    | HeatmapsItem
    | ErrorItem,
    Field(discriminator="kind"),
]
ITEM: TypeAdapter[Item] = TypeAdapter(Item)


# ---- server to browser ----


class ItemFrame(Frame):
    """An item was added or changed. The web adds `html`, the item drawn in the reader's language, before it sends it on."""

    type: Literal["item"] = "item"
    key: str
    revision: int
    item: Item


class DeltaFrame(Frame):
    """The text so far of the assistant item `key` that is being written: the newest frame holds what all earlier ones held."""

    type: Literal["delta"] = "delta"
    key: str
    text: str


class TurnFrame(Frame):
    """Whether the assistant is working on an answer: the page shows Stop instead of Send."""

    type: Literal["turn"] = "turn"
    state: Literal["working", "idle"]


OutFrame = ItemFrame | DeltaFrame | TurnFrame


# ---- browser to server ----


LONGEST_MESSAGE = 20_000  # characters
Typed = Annotated[str, AfterValidator(lambda text: text.replace("\0", ""))]  # PostgreSQL keeps no null character


class Say(Frame):
    type: Literal["say"] = "say"
    text: Typed = Field(min_length=1, max_length=LONGEST_MESSAGE)
    key: str = Field(default="", max_length=64, description="made by the page; the same key twice is said once")


class Approve(Frame):
    type: Literal["approve"] = "approve"
    proposal: str
    revision: int


class Decline(Frame):
    type: Literal["decline"] = "decline"
    proposal: str
    reason: Typed = Field(default="", max_length=2_000)


class Reopen(Frame):
    """Open a declined or replaced plan again; it waits for its yes like a new one."""

    type: Literal["take_up"] = "take_up"
    proposal: str


class Answer(Frame):
    """Yes or no to a ConfirmItem."""

    type: Literal["answer"] = "answer"
    call: str
    yes: bool


class Edit(Frame):
    type: Literal["edit"] = "edit"
    proposal: str
    revision: int
    changes: dict[str, Any] = Field(description="setting name to new value; `model` and `dataset` are allowed too")


class Undo(Frame):
    """Take the last change of the open plan back."""

    type: Literal["undo"] = "undo"
    proposal: str
    revision: int


class Stop(Frame):
    """Stop the answer in mid-sentence. (A run is stopped over REST: POST /api/runs/{run}/stop.)"""

    type: Literal["stop"] = "stop"


InFrame = Annotated[Say | Approve | Decline | Reopen | Answer | Edit | Undo | Stop, Field(discriminator="type")]
IN_FRAME: TypeAdapter[InFrame] = TypeAdapter(InFrame)
