"""What is said of one model, in `models/<model>.toml`, a table for each language. All of it is found by the file.

summary                     what it does, as a person who chooses reads it (in English: the summary of its Params)
setting.<name>              what a setting is called that no other model has; `choice.<name>.<value>` its choices
run.<what>                  what a run works out in a step that no other model has (its `Fitting` events), with {done} and {total}
help.<name>                 what a setting means to this model (in English: the description of its field)
said.model                  how people write the model's name; `said.setting.<name>` and `said.value."<name>=<value>"` the same of its
                            settings, in the notation of assistant/offline/phrases.py
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from prompts.languages import Language

FOLDER = Path(__file__).resolve().parent / "models"


@cache
def model_words(language: Language) -> Mapping[str, Mapping[str, Any]]:
    """The words of each model that has some in this language."""
    files = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))}
    return {name: words[language] for name, words in files.items() if language in words}
