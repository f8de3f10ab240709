"""Korean number words: 칠십구, 일흔아홉, 두 배, 절반."""

import re

_DIGITS = "영공일이삼사오육칠팔구"
_SINO = f"{_DIGITS}십백천만억조"
_ONES = {
    "하나": 1,
    "둘": 2,
    "셋": 3,
    "넷": 4,
    "다섯": 5,
    "여섯": 6,
    "일곱": 7,
    "여덟": 8,
    "아홉": 9,
    "한": 1,
    "두": 2,
    "세": 3,
    "네": 4,
}
_TENS = {
    "열": 10,
    "스물": 20,
    "스무": 20,
    "서른": 30,
    "마흔": 40,
    "쉰": 50,
    "예순": 60,
    "일흔": 70,
    "여든": 80,
    "아흔": 90,
}
_PARTICLE = "이|가|은|는|을|를|의|에|에서|로|으로|과|와|도|만|이나|나|까지|부터|정도|쯤|가량|이상|이하|미만|밖에|보다|씩|마다|여|입니다|이에요|예요|이다|이며|이고|인|였습니다|이었습니다|라고|다|짜리|이면|면|이라면|안에|만에|동안|간|뿐|뿐입니다|대|넘게"
_COUNTER = "장|개|건|초|분|시간|일|주|달|개월|월|년|회|명|대|종|곳|군데|차례|픽셀|에폭|이미지|점|위|등|쌍|판"
_MULTIPLE = "배|퍼센트|프로|퍼|할|푼"
_END = rf"(?:{_PARTICLE})?(?:{_PARTICLE})?(?![가-힣])"
_COUNTED = rf"(?:{_COUNTER}|{_MULTIPLE})(?:째)?{_END}"
_NATIVE_ONES = "하나|둘|셋|넷|다섯|여섯|일곱|여덟|아홉|한|두|세|네"
# What comes after 두 and 세 where they count parts of what is said, not what was measured.
_STRUCTURE = "가지|번|단계|방법|모델|종류|쪽|경우|값|학습|데이터|설정|방향|지표|이름|항목|사람|이상의 모델"

# English number words in Hangul.
_ENGLISH = "(?:제로|원|투|쓰리|포|파이브|식스|세븐|에잇|에이트|나인|텐)"
_TRANSCRIBED = re.compile(
    rf"(?<![가-힣])(?:트[웬엔]티|투[웬엔]티|[써서]티|포티|피프티|식스티|세븐티|에[이잇]티|나인티|헌드레드)(?={_ENGLISH}|\s*{_COUNTED}|{_END})"
    rf"|(?<![가-힣]){_ENGLISH}(?:\s*{_ENGLISH})+{_END}|(?<![가-힣])(?:세븐|나인|에잇)(?={_END})"
)
# Letters that were put apart: what does not come together as a syllable.
_APART = re.compile(r"(?:[가-힣][\u1100-\u1112]){2,}|[\u1100-\u1112](?:[\s.\-_]*[\u1161-\u1175])")
_SINO_NUMBER = re.compile(
    rf"(?<![가-힣])(?:(?:[일이삼사오육칠팔구]+[십백천만억]|[십백천][일이삼사오육칠팔구십백천])[{_SINO}]*|[일이삼사오육칠팔구]십(?:{_NATIVE_ONES})|[{_SINO}]{{3,}}"
    rf"|(?=[{_DIGITS}]*[삼육칠팔])[{_DIGITS}]+[영공일삼사오육칠팔구])(?=\s*{_COUNTED}|{_END})"
    rf"|(?<![가-힣])[십백천만억]만?\s*여?\s*{_COUNTED}|[수몇](?:십|백|천|만)(?=\s*{_COUNTED}|{_END})"
    rf"|(?<![가-힣])(?:[삼육칠팔]\s*|[사오구]\s+){_COUNTED}|(?<![가-힣])(?:[일이사오구]초|[일오]분){_END}"
    rf"|(?<![가-힣])(?:구[오구일]|사[오구]|오[구사]|일[구오]|이[구오]){_END}"
)
_POINT = re.compile(
    rf"(?:영|공|빵|제로|[삼사오육칠팔구])\s*[점쩜]\s*[{_DIGITS}]+{_END}|(?:[일이]|\d)\s*점\s*[영일삼사오육칠팔구][{_DIGITS}]*{_END}"
    rf"|(?<![가-힣])[점쩜][{_DIGITS}]{{2,}}{_END}|(?<![가-힣])[{_DIGITS}]+[.,·][{_DIGITS}]+{_END}|포인트\s*{_ENGLISH}{_END}"
)
_NATIVE = re.compile(
    rf"(?<![가-힣])(?:(?P<tens>스물|서른|마흔|예순|일흔|여든|아흔)(?P<ones>{_NATIVE_ONES})?|(?P<teen>열)(?P<unit>{_NATIVE_ONES})(?=\s*{_COUNTED}|{_END})"
    rf"|(?P<ten>열|쉰|스무)(?=\s*{_COUNTED})|(?P<big>다섯|여섯|일곱|여덟|아홉)(?!\s*(?:가지|다(?![가-힣])))"
    rf"|(?P<word>하나|둘|셋|넷)(?={_END})|(?P<of>[한두세네])(?=\s*{_COUNTED})|(?P<bare>[두세])(?=\s+(?!{_STRUCTURE})[가-힣A-Za-z]))"
)
_SHARE = re.compile(
    rf"(?<![가-힣])(?:절반|반절|반수|십중|과반|갑절|곱절)|(?<![가-힣])반(?=\s*(?:정도|이상|이하|가량|쯤)|(?:은|이|을|만|의)?(?![가-힣]))"
    r"|[일이삼사오육칠팔구\d]\s?할\s?[일이삼사오육칠팔구\d]\s?푼"
    rf"|(?:(?<![A-Za-z0-9_.])\d+|[삼사오육칠팔])\s?할(?!\s*(?:수|것|때|지|만|까|게|인|경우|필요|일|뿐))(?={_END})"
    r"|[일이구]할(?:이|은|을|의|정도|이상|이하|입니다)(?![가-힣])"
    rf"|(?:열|백|셋|넷|다섯)에\s*(?:{_NATIVE_ONES}){_END}"
    rf"|[{_SINO}\d]\s*분[의지]\s*[{_SINO}\d]"
    rf"|(?<![가-힣])[일이구]\s?할\s+(?:이상|이하|정도|가량|쯤|넘)|반타작|(?<![가-힣])[{_DIGITS}]\s*대\s*[{_DIGITS}](?<!일대일){_END}"
    rf"|(?:여남은|스무남은|두서너)(?=\s*[가-힣])|(?<![가-힣])(?:{_NATIVE_ONES}|반|몇)\s*(?:다스(?!리)|타스|(?:접|켤레)(?![가-힣]))|\d\s*다스"
    # The short forms before a counter.
    rf"|(?<![가-힣])(?:(?:석|넉|닷|엿|서|너)\s+(?:{_COUNTER})|(?:석|넉|닷|엿)[장달]){_END}"
    rf"|(?<![가-힣])(?:{_NATIVE_ONES}|몇십|몇백)\s*(?:{_MULTIPLE}){_END}"
    rf"|(?<![가-힣])(?:하루|이틀|사흘|나흘|닷새|엿새|이레|여드레|아흐레|열흘|보름)(?:{_END}|치)"
    rf"|(?<![가-힣])(?:한두|두세|두어|서너|네댓|너댓|대여섯|예닐곱)(?!\s*(?:가지|번))\s*[가-힣]"
)
_ZERO = re.compile(rf"(?<![가-힣])제로(?={_END})")
_ORDINARY = re.compile(
    r"일일이|백분[율위]|만일|하나씩|하나하나|하나로|하나도|하나의|하나라도|둘 다|셋 다|넷 다|하나 이상|두세 가지|한두 가지|이만(?= )"
)


def figures(text: str) -> list[tuple[str, float | None]]:
    """Number words with their values; None where the value is not plain."""
    text = _ORDINARY.sub(" ", text)
    found: list[tuple[str, float | None]] = [
        (match.group(), None)
        for rule in (_SINO_NUMBER, _POINT, _SHARE, _TRANSCRIBED, _APART)
        for match in rule.finditer(text)
    ]
    found += [(match.group(), 0.0) for match in _ZERO.finditer(text)]
    return found + [(match.group(), _value(match)) for match in _NATIVE.finditer(text)]


def _value(match: re.Match[str]) -> float:
    parts = {name: word for name, word in match.groupdict().items() if word}
    return float(sum(_TENS.get(word, _ONES.get(word, 0)) for word in parts.values()))
