"""An LLM's own words between our sentences: no figure passes in any disguise, nor any word that judges, counts or compares."""

from itertools import product

import pytest

from assistant.llm.known import names_of_the_trade
from assistant.llm.own_words import are_own_words
from benchmarks.false_statements import LANGUAGES, TALK, false_statements, true_statements
from prompts.languages import Language

NAMES = {*names_of_the_trade(), "r1", "r2", "line", "spot"}
DISGUISES = {
    "en": [
        "79 %", "79%", "0.79", ".79", "7.9e-1", "7.9E-01", "7.9×10⁻¹", "7.9*10^-1", "79_percent", "79 percent", "79 per cent", "79pct", "AUROC79%", "AUROC0.79",
        "&#x37;&#x39; %", "&#55;&#57;%", "7&#57;%", "79&#37;", "&amp;#55;9 %", "７９％", "⁷⁹ %", "⑦⑨ %", "𝟕𝟗 %", "𝟽𝟿%", "٧٩٪", "७९ %", "7\u200b9 %", "7\u00ad9 %", "7\u20609%", "7\u03369\u0336 %", "7️⃣9️⃣ %",
        "7**9** %", "**7**9%", "*7*9 %", "7~~0~~9 %", "7`9` %", "`79` %", "\\7\\9 %", "[7](x)9 %", "7<b>9</b>%", "![79 %](x)", "[79 %](/data)", "7 9 %", "7·9 of 10", "7'9", "0,79", "0·79", "79‰", "790‰",
        "seventy-nine percent", "Seventy nine per cent", "SEVENTY-NINE %", "seventynine percent", "zero point seven nine", "point seven nine", "seven nine percent", "s e v e n t y  n i n e percent", "𝐬𝐞𝐯𝐞𝐧𝐭𝐲-𝐧𝐢𝐧𝐞 percent", "sеventy percent",
        "LXXIX percent", "lxxix percent", "Ⅼ percent", "ⅦⅨ %", "VII", "¾", "79/100", "79 of 100", "79 out of 100", "79:21", "70-79 %", "-79 %", "−0.79", "three quarters", "four fifths", "two thirds", "half", "a third", "a dozen", "a hundred", "twice as many", "double the recall", "tenfold", "lOO %", "l00 %", "7O %", "💯", "🔟", "r79", "scratch_79", "79k", "79th", "12:30", "2026-12-24", "1.79", "1,790", "1 790", "семьдесят девять", "\u202e97\u202c %", "IOO", "lOO of them", "0x4F", "IIII", "MMXXVI", "40 %", "3 %", "0.987 %", "3 times as much", "3x as much", "three times as much", "nine out of ten", "one percent", "sev\u200benty percent", "seventy\u2011nine percent", "sevénty percent", "$\\frac{79}{100}$", "-3", "s3venty", "7**9**", "7**9** missed", "7&ZeroWidthSpace;9", "7&nbsp;9", "seventy&shy;nine", "sev&#8203;enty", "sev\u200benty", "sev**en**ty", "٧٩", "७९ of them", "𐄏", "⑦", "Ⅶ", "⅐ of them", "L percent", "sev\u00adenty-nine", "🅢🅔🅥🅔🅝", "ꜱᴇᴠᴇɴᴛʏ", "⠼⠛⠊", "七十九", "칠십구", "79\ufe0e %", "7\u3164\u31649 %", "~79 %", "≈ 79", "79+", "&#55&#57 %", "&percnt;79", "79&percnt;", "seventy<!-- -->nine",
        "in the high seventies", "in the upper nineties", "seventyish", "seventy-odd", "a century", "s_e_v_e_n_t_y", "s/e/v/e/n/t/y", "IIXX", "a trio", "a quartet", "a quintet", "a septet", "an octet", "two grand", "an order of magnitude", "a fortnight", "unity", "qishijiu", "qi shi jiu", "chilsip gu", "nanajuu kyuu", "neunundsiebzig", "soixante-dix-neuf", "setenta y nueve",
    ],
    "ko": [
        "79 %", "79퍼센트", "79퍼", "79프로", "0.79", "７９％", "칠십구 퍼센트", "칠십구퍼센트", "칠십구 프로", "칠십구 퍼", "칠구 퍼센트", "일흔아홉 퍼센트", "영점칠구", "영 점 칠구", "공점칠구", "칠할구푼", "7할 9푼", "7할", "절반", "반 정도", "두 배", "세 배", "2배", "백 퍼센트", "백 장", "일흔아홉 장", "열두 장", "다섯 장", "오십 장", "수십 장", "사흘", "7\u200b9 %", "7**9** %", "&#55;&#57; %", "⑦⑨ %", "½", "79점", "LXXIX %", "반 이상", "두세 장", "삼분의 이", "4분의 3", "열에 아홉", "칠십아홉", "백점", "만점", "만 장", "세 배", "3배", "넷 중 하나에서 다섯", "팔할", "40 %", "७९ %", "seventy-nine %", "七成", "이틀", "제로점칠구", "십중팔구", "반절", "영쩜칠구", "구할 이상", "칠.구", "점칠구", "빵점칠구", "구오", "사오", "세븐티나인", "나인티", "세븐 나인", "팔십점대", "칠대삼", "삼분지이", "반타작", "석 장", "넉 장", "닷 장", "엿 장", "여남은 장", "한 다스", "오분", "일분", "오초", "구초", "ㅊㅣㄹㅅㅣㅂ", "여섯 시간이면", "십 분이면", "몇십 장",
    ],
    "zh": [
        "79 %", "79％", "0.79", "七十九", "百分之七十九", "百分之79", "七成九", "七成", "7成", "79个百分点", "零点七九", "〇点七九", "柒拾玖", "七九", "一半", "两倍", "三倍", "2倍", "翻倍", "三分之二", "十分之一", "半数", "七折", "七十九张", "廿五张", "一百张", "上千张", "二十分钟", "六小时", "五张", "７９", "7\u200b9 %", "7**9** %", "&#55;&#57; %", "⑦⑨ %", "¾", "LXXIX %", "九点五", "千分之五", "満79", "十之八九", "近八成", "八九成", "百分之百", "两三张", "三四个", "三四分之一", "俩", "七点九成", "3倍", "数十张", "第七十九张", "兩成", "零點七九", "七 成", "40 %", "칠십구", "seventy-nine %", "五五开", "大半", "参张", "伍张", "陆张", "拾张", "弎", "亖", "幺", "洞拐", "三分二", "两打", "旬日", "qishijiu",
    ],
}  # fmt: skip
CONTEXTS = {
    "en": [
        "The recall is {}.",
        "It finds {} of the scratches, which is good.",
        "- missed: {}",
        "Expect {} on your line",
    ],
    "ko": ["재현율은 {}입니다.", "불량의 {}를 찾았습니다.", "- 미검: {}", "약 {} 예상"],
    "zh": ["召回率为{}。", "找到了{}的划痕，效果不错。", "- 漏检：{}", "预计 {} 左右"],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_figure_passes_in_no_disguise(language: Language) -> None:
    said = [
        context.format(figure)
        for figure, context in product(DISGUISES[language], ("{}", "Look at {}.", *CONTEXTS[language]))
    ]
    assert [text for text in said if are_own_words(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_false_statement_is_made_of_own_words(language: Language) -> None:
    assert [each.text for each in false_statements(language) if are_own_words(each.text, NAMES)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_statements_enough_to_judge_by(language: Language) -> None:
    written = [each for each in false_statements(language) if each.sort == "written"]
    assert len({each.text for each in written}) >= 150
    assert sum(len(true_statements(each)) for each in LANGUAGES) >= 500


@pytest.mark.parametrize("language", LANGUAGES)
def test_talk_that_claims_nothing_passes(language: Language) -> None:
    said = [text.format(a="r1", b="r2") for text in TALK[language]]
    assert [text for text in said if not are_own_words(text, {"r1", "r2"})] == []


@pytest.mark.parametrize(
    "text",
    [
        "The results look good.",
        "All images.",
        "No defects.",
        "Only the last.",
        "r3 结果可以。",
        "양품입니다.",
        "r3 漏检了。",
        "더 좋습니다.",
        "This is better.",
    ],
)
def test_words_that_judge_count_or_compare_are_none(text: str) -> None:
    assert not are_own_words(text, {"r3"})


@pytest.mark.parametrize(
    "text",
    ["Would you like to see the missed images of r2?", "r2의 놓친 이미지를 보여드릴까요?", "您想看 r2 漏检的图像吗？"],
)
def test_it_may_be_offered_to_show_the_misses_of_a_run(text: str) -> None:
    assert are_own_words(text, {"r2"})


def test_a_name_is_taken_whole() -> None:
    assert are_own_words("Look at line_3.", {"line_3"})
    assert not are_own_words("Look at line_31.", {"line_3"})
    assert not are_own_words("Look at line_3.5.", {"line_3"})
    assert are_own_words("Look at the page to see it.", {"ok", "se"})
