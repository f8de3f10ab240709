"""Chinese number words: 七十九, 百分之七十九, 七成九, 两倍, 一半."""

import re
import unicodedata

_DIGITS = {digit: float(value) for value, digit in enumerate("零一二三四五六七八九")} | {
    "〇": 0.0,
    "两": 2.0,
    "兩": 2.0,
}
_FORMAL = "参參伍陆陸拾什阡陌"  # numerals only beside others or before what they count: 参数, 什么, 陆续 are words
_NUMERAL = "".join(
    character
    for block in (range(0x3400, 0xA000), range(0x20000, 0x2A6E0))
    for character in map(chr, block)
    if unicodedata.numeric(character, None) is not None and character not in f"{_FORMAL}仨漆"
)
_NUMERAL += "〇两"
_RUN = re.compile(rf"[{_NUMERAL}](?:[{_NUMERAL}{_FORMAL}])*|[{_FORMAL}](?:[{_NUMERAL}{_FORMAL}])+")
_SIMPLE = re.compile(r"[零〇一二两兩三四五六七八九]|([二三四五六七八九]?)十([一二三四五六七八九]?)")
_NOT_PLAIN_AFTER = re.compile(rf"\s*(?:成(?![为功立员])|折|倍|半|分(?:之|[{_NUMERAL}])|番|[点點][{_NUMERAL}])")
_NOT_PLAIN_BEFORE = re.compile(r"(?:分之|[点點])\Z")
_SHARE = re.compile(
    r"半|倍|[俩仨]|[半几数两三四五六七八九十\d]\s?打(?![开算印断破包磨光造扰标])|旬日|(?!洞洞)[拐洞勾幺]{2,}|翻番|满分|\d\s*[成折](?![为功立员])"
)

_LONE = re.compile(
    r"[参參伍陆陸拾]\s?(?:[张張个個幅处處块塊件枚条條片秒成%％倍]|分钟)|(?<=[检檢报報了为為是到达達])\s?[参參伍陆陸拾](?=\s|[，。,.；;！!]|\Z)"
)

_PARTS = "方面|办法|方法|选项|步骤|阶段|问题|选择|原因|部分|模型|训练|任务|数据集|值|指标|步|点建议"
_COUNTED = "的?(?:缺陷|漏检|误报|过检|良品|不良|坏|样本|样品|图|像素|百分点|小时|月|星期|数量级|轮|假)"
_NAMED = "问题|方案|办法|方法|模型|计划|建议|例子|选择|选项|数据集|训练|想法|任务|文件夹|步骤|阈值|分数|列表|页面|卡片|概念|指标|原因|可能|更"
_ORDINARY = re.compile(
    r"一(?:下|些|样|般|定|直|起|旦|致|并|律|边|切|键|种|类|遍|同|共|会|时|句|概|侧|旁|经|维|体|系列|部分|开始|来|向|面|步|目了然|方面|次|路|套|项|段|份|组|批|成不变)"
    rf"|一[点點](?![{_NUMERAL}\d])"
    r"|(?:唯|统|第|同|单|进|下|上|另|每|任|某|万|逐|不|其|这|那|哪|合|专|首|划|独|留)一|(?<!分)之一"
    rf"|(?<![只仅就了检出过错报漏共有])一个(?!{_COUNTED})|(?<![只仅漏])一个(?=[^，。,.；;！？!?]{{0,4}}(?:{_NAMED}))"
    r"|(?<![只仅漏误错检出了共])一(?:道|条|块|幅|处|名|位)|[这那]两(?:次|个|种|块|幅|项)|至少(?:需要|要|有)?一[个张]"
    r"|第[二三]|千万(?=别|不要|注意|记|要)|万能|百分[比率位]|十分(?!之|钟)|十字|九宫|三角|三维|三通道|四周|四角|四舍五入|四处|再三|五金"
    r"|二值|二维|二分|二进制|二次|二者|两者|两种|两类|两样|两边|两侧|两端|零件|零部件|零配件|零样本|零散|零碎"
    r"|半导体|半监督|半自动|半径|半透明|多半|半球|半圆"
    rf"|两个?(?:{_PARTS})|[三四五六](?:种|类|个)?(?:{_PARTS})"
)


def figures(text: str) -> list[tuple[str, float | None]]:
    """Number words with their values; None where the value is not plain."""
    text = _ORDINARY.sub(" \u241f ", text)
    found: list[tuple[str, float | None]] = [
        (match.group(), None) for rule in (_SHARE, _LONE) for match in rule.finditer(text)
    ]
    return found + [(match.group(), _value(match, text)) for match in _RUN.finditer(text)]


def _value(match: re.Match[str], text: str) -> float | None:
    simple = _SIMPLE.fullmatch(match.group())
    before = text[max(match.start() - 2, 0) : match.start()]
    if simple is None or _NOT_PLAIN_AFTER.match(text, match.end()) or _NOT_PLAIN_BEFORE.search(before):
        return None
    if match.group() in _DIGITS:
        return _DIGITS[match.group()]
    return 10 * _DIGITS.get(simple[1], 1.0) + _DIGITS.get(simple[2], 0.0)
