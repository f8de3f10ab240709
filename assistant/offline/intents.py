"""Which tool a sentence asks for, decided over what was recognised in it, whatever the language.

The words stand in phrases/*.toml, grouped by what they stand for ("show", "train", "dataset", ...), and in cues.toml of a tool's folder,
where they are that tool's alone. Here stands only what follows from them: a decision list, where the first rule that fits decides. The
rules in a tool's cues.toml are read first, tool by tool, then those below from the top. `&` joins what must all be there, `|` what may
stand in for each other, `!` what must be absent; `@dataset` is a recognised name rather than a word.
"""

from functools import lru_cache

from assistant.tools import cues_of, tool_names

NOTHING = "nothing"

RULES = """
nothing              unsupported & !train
nothing              @path & !train
nothing              meaning
nothing              term & !@run & !@dataset
nothing              define & !recommend & !metric & !status & !results & !state_of & !@run
propose_training     resume & @dataset|@model|@setting & !@run & !stop & !status & !what
start_training       @proposal & start|approve|train|run_it|plan
start_training       approve & !@setting & !@dataset & !@model & !stop
start_training       plan & start & !@setting
propose_training     combine & runs|training|model|@run|@model|@state & !dataset & !what & !show & !stop & !meaning & !unsupported
propose_training     @ensemble & @run & !what & !show & !stop & !results & !metric & !status & !heatmap
propose_training     @ensemble & runs|@count & !what & !show & !stop & !results & !metric & !status & !heatmap & !@state
list_models          support & @model & !train & !@dataset & !@run
list_models          model & recommend & !@run & !metric
list_models          model & what|recommend & !@run & !results & !metric & !runs & !@state
list_models          what & train|recommend & !dataset & !@dataset & !@model & !@setting
list_models          @family & model|what|show & !@setting & !train
propose_training     train & @dataset|@model|@setting & !what & !runs & !@state & !status
propose_training     run_it & @dataset|@model & !@state & !status & !results & !metric & !@run
propose_training     start & @dataset|@model|@setting & !status & !@state & !results & !@run
summarize_results    metric & @setting & what|asked|@question & !adjust & !train
propose_training     change & @setting & !status
propose_training     limit & @setting & !@question
list_runs            status & runs & !@run
run_status           status & !dataset
run_status           state_of & !dataset & !@dataset
inspect_dataset      state_of|how & @dataset & !training & !results & !metric & !@model & !@setting & !train & !start
list_runs            @state & runs|training & !results & !metric & !heatmap
list_runs            @state & what|show|have|how_many|model & !results & !metric & !heatmap & !dataset & !images
propose_training     how & change & @model|@setting|@dataset & !training & !results & !metric & !@run & !dataset
propose_training     how & @setting & !training & !results & !metric & !@run
nothing              adjust & metric & !@setting & !show & !what
summarize_results    results|metric & !@setting
summarize_results    how & training|model|@run|@model & !dataset & !what & !@setting
summarize_results    missed|false_alarms & how_many
list_runs            all & training & !@setting & !stop & !train & !start & !dataset
list_runs            runs & !start & !@setting & !@run
list_runs            training & show|have & !dataset & !@run & !start & !@setting & !train
propose_training     run_it & @setting & !@run
start_training       start & !@dataset & !@model & !@setting & !what & !show
start_training       run_it & !@run & !show & !what & !@dataset & !@model & !@setting
inspect_dataset      @dataset & inspect|show|how_many|what|have & !@model & !@setting & !start & !train
list_models          model & show|have|how_many & !@setting & !@run & !@model
propose_training     train & !what
propose_training     training & @dataset|@model|@setting & !show
propose_training     change|start|want & @dataset|@model|@setting & !what & !show
list_models          @only & model & !@run & !dataset & !@dataset & !@model & !@setting
inspect_dataset      @dataset & dataset & @question|what|asked & !train & !training & !@model & !@setting & !change
inspect_dataset      @only & @question & @dataset & !@model & !@setting
run_status           @run & show|inspect & !@setting & !@dataset & !@model
propose_training     @only & @dataset|@model|@setting & !@question
propose_training     @setting & !what & !show & !how_many & !status & !results & !stop & !heatmap & !@question & !how
propose_training     want & training|model & !what
summarize_results    how & @only_how
run_status           @run & !@setting & !@dataset & !@model & !train & !start
"""


def decide(facts: frozenset[str]) -> str | None:
    """The tool that a sentence with these facts asks for; None if it asks for nothing that there is."""
    for tool, conditions in _rules():
        if all(_holds(condition, facts) for condition in conditions):
            return None if tool == NOTHING else tool
    return None


@lru_cache
def _rules() -> tuple[tuple[str, tuple[str, ...]], ...]:
    own = [(name, rule) for name in tool_names() for rule in cues_of(name).get("rules", [])]
    listed = [tuple(line.split(maxsplit=1)) for line in RULES.strip().splitlines()]
    return tuple((tool, tuple(part.strip() for part in conditions.split("&"))) for tool, conditions in [*own, *listed])


def _holds(condition: str, facts: frozenset[str]) -> bool:
    if condition.startswith("!"):
        return condition[1:] not in facts
    return not facts.isdisjoint(condition.split("|"))
