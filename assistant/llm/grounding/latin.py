"""Number words of other languages in Latin letters: the romanised ones of Korean, Chinese and Japanese, and the tens of languages nearby.

None of them is ever plainly supported: an LLM answers in the user's language, which is one of ours.
"""

import re

_PINYIN = "(?:ling|yi|er|liang|san|si|wu|liu|qi|ba|jiu|shi|bai|qian|dian)"
_KOREAN = "(?:il|i|sam|sa|o|yuk|ryuk|chil|pal|gu)"
_JAPANESE = "(?:ichi|ni|san|yon|shi|go|roku|nana|shichi|hachi|kyuu?|ku)"
_FIGURE = re.compile(
    "(?<![a-z])(?:"
    rf"{_PINYIN}(?:[ '-]?{_PINYIN})+"
    rf"|{_KOREAN}?[ -]?(?<![a-z])(?:sam|yuk|chil|pal|gu)[ -](?:sam|yuk|chil|pal|gu)|{_KOREAN}[ -]?(?:sip|baek)(?:[ -]?{_KOREAN})?"
    rf"|{_JAPANESE}[ -]?(?:juu?|hyaku)(?:[ -]?{_JAPANESE})?"
    r"|[a-z]*(?:zwan|drei[sz]+|vier|fu?e?nf|sech|sieb|acht|neun)zig|[a-z]*dreis+ig|(?:ein|zwei|drei|vier)?hundert|prozent"
    r"|(?:soixante|quatre[ -]vingt|trente|quarante|cinquante|septante|huitante|nonante|vingt)[a-z-]*|pour ?cent|cent pour"
    r"|veinti[a-z]+|(?:vente|vinte|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa)|por ?ciento?"
    r"|(?:quarenta|cinquenta|sessenta|oitenta)|(?:trenta|quaranta|cinquanta|sessanta|settanta|ottanta|novanta)[a-z]*"
    ")(?![a-z])"
)


def figures(text: str) -> list[tuple[str, float | None]]:
    """Number words; their values are never plain."""
    return [(match.group(), None) for match in _FIGURE.finditer(text.lower())]
