"""A run in plain words: its facts, a wording of our own in three languages, and an LLM's wording when every number in it holds."""

from pathlib import Path
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.models import Model

from assistant.frames import Language
from assistant.llm.grounding import facts_in
from assistant.llm.narration import Known, Narration
from assistant.runs.results import load
from assistant.runs.took import took
from assistant.store.tables import RunRow
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS
from engine.contract.results.detect import DetectResults
from prompts.rendering import render

AUPRO_LIMITS = {"aupro_30": 0.3, "aupro_05": 0.05}
LANGUAGE_NAMES: dict[Language, str] = {"en": "English", "ko": "Korean", "zh": "Simplified Chinese"}


def run_facts(row: RunRow, folder: Path) -> dict[str, Any]:
    """Everything that may be said about a finished run.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results, spec = load(row, folder, DetectResults).metrics, DetectJob.model_validate(row.spec)
    told = results.facts()
    return {
        "run": row.id,
        "dataset": row.dataset,
        "synthetic": results.synthetic,
        "model": row.model,
        "model_title": MODELS[row.model].title,
        "image_size": spec.image_size,
        "weights": results.weights.facts(),
        "counts": results.counts,
        "metrics": results.metrics,
        "reasons": results.reasons,
        "intervals": told.get("intervals", {}),
        "threshold": results.threshold.facts(),
        "promise_check": results.promise_check.facts(),
        "per_defect_type": told.get("per_defect_type", {}),
        "per_size": told.get("per_size", {}),
        "chosen_on_test_data": results.oracle.facts(),
        "aupro_up_to_false_positive_rate": AUPRO_LIMITS,
        "seconds": {"total": took(row, folder)},
    }


def word(facts: dict[str, Any], language: Language) -> str:
    """Our own wording of the facts, in Markdown."""
    return render(f"summary/{language}.md.j2", **facts)


async def summarize(facts: dict[str, Any], language: Language, model: Model) -> str:
    """The summary of a run: the LLM's wording when each of its figures is a fact, else our own.

    Raises:
        pydantic_ai.exceptions.AgentRunError: the LLM did not answer; the caller may fall back on `word`.
    """
    own = word(facts, language)
    prompt = render("summary/prompt.md.j2", facts=facts, own=own, language=LANGUAGE_NAMES[language])
    answer = (await Agent(model, output_type=str).run(prompt)).output
    narration = Narration(Known(facts_in(facts) | facts_in(own)))
    told = (narration.feed(answer) + narration.finish()).strip()
    return own if narration.withheld or not told else told
