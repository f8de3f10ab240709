"""Text as typed by people: which language it is in, and one spelling for full-width, decomposed and traditional characters."""

import re
import unicodedata

from prompts.languages import Language

# Longer texts are pasted logs and documents; what is asked for stands at their beginning or end.
HEAD, TAIL = 1500, 500


def detect_language(text: str) -> Language:
    """The language to answer in, by script: Hangul is Korean, else Han is Chinese, else English."""
    text = unicodedata.normalize("NFKC", text)
    if re.search(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]", text):
        return "ko"
    return "zh" if re.search(r"[\u3400-\u9fff]", text) else "en"


def normalise(text: str) -> str:
    """NFKC, no invisible characters, straight quotes, no rows of blanks, long texts cut in the middle. Case is kept."""
    if len(text) > HEAD + TAIL:
        text = text[:HEAD] + "\n" + text[-TAIL:]
    text = unicodedata.normalize("NFKC", text)
    text = re.sub("[\u2018\u2019\u02bc`´]", "'", text)
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", text)
    text = re.sub(r"([^\S\n]|[_-]){4,}", " ", re.sub(r"\n\s+", "\n", text))
    return "".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs", "Cn"))


def lower(text: str) -> str:
    """Lower case, character by character, so that positions stay those of the text (str.lower can change the length)."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
