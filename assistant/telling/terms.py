"""What words of the trade and of the figures mean, in sentences: `term.auroc`, `term.overkill`, and each metric by its name."""

from functools import cache

from assistant.kinds.claims import Claim
from assistant.telling import Sentence, sentences_of
from prompts.languages import Language
from prompts.page_texts import page_texts
from prompts.sentences import wordings

WORDED = "terms."  # the folder of their words (prompts/telling/terms/)
METRIC, MEANING = "metric.", ".meaning"


@cache
def sentences_of_terms(language: Language) -> tuple[Sentence, ...]:
    """Every word that is explained, those that have words of their own before the metrics that the page explains."""
    own = [what.removeprefix(WORDED) for what in wordings(language) if what.startswith(WORDED)]
    sentences = sentences_of([Claim(f"term.{name}", f"{WORDED}{name}") for name in own], language)
    texts = page_texts(language)
    for key, text in texts.items():
        name = key.removeprefix(METRIC).removesuffix(MEANING)
        if key == f"{METRIC}{name}{MEANING}" and name not in own:
            sentences.append(Sentence(f"term.{name}", f"**{texts[f'{METRIC}{name}']}**: {text}", {"metric": name}))
    return tuple(sentences)


def explained(term: str, language: Language) -> str | None:
    """What a word means; None where nobody has explained it."""
    return next((each.text for each in sentences_of_terms(language) if each.id == f"term.{term}"), None)
