"""How many planted figures the check between an LLM's words and the reader catches, and how many honest sentences it withholds.

    python benchmarks/planted_figures.py

Three parts, in English, Korean and Chinese: a figure that no fact supports, in every disguise and context below; sentences whose figures
are all facts; sentences without a figure, with the words that look like one. Prints what was caught and what was withheld wrongly.
"""

from itertools import product

from assistant.llm.grounding import facts_in
from assistant.llm.narration import Known, Narration

# What a tool returned: none of it is 79, 0.79 or near.
FACTS = facts_in(
    {
        "run": "r12",
        "dataset": "phone_2",
        "model": "patchcore",
        "per_defect_type": {
            "line": {"count": 7, "missed": 2},
            "spot": {"count": 9, "missed": 1},
        },  # so that 7 and 9 alone pass
        "counts": {"test_good": 200, "test_defective": 40, "train_good": 120},
        "metrics": {"image_auroc": 0.98712, "missed": 3, "recall": 0.925, "overkill": 0.051},
        "threshold": 6.4012,
        "seconds": 43.2,
        "image_size": 256,
    }
)

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
SUPPORTED = {
    "en": [
        "The image AUROC is 0.987.", "AUROC 0.99, which is close to perfect.", "It missed 3 of 200.", "It missed 3 of the 40 defective images.", "Run r12 took 43 s.", "Run r12 used PatchCore with wide_resnet50_2 at 256 px.", "The overkill rate is 5.1 %.",
        "Recall is 92.5%.", "Recall is **92.5 %** (37 were not counted here).".replace(" (37 were not counted here)", ""), "The threshold is 6.401.", "The threshold of r12 is 6.4012 and 3 defects scored below it.", "You have 120 good images to learn from.", "1. Look at the missed images.\n2. Add good images.\n3. Train again.",
        "Three defects were missed.", "There are 200 good and 40 defective test images.", "The data set phone_2 is ready.", "It ran at 256x256 pixels.", "The AUROC is 98.7 %.", "At 256px it takes 43.2s.", "1) first\n2) then\n",
    ],
    "ko": [
        "이미지 AUROC는 0.987입니다.", "200장 중 3장을 놓쳤습니다.", "불량 이미지 40장 중 3장을 놓쳤습니다.", "과검률은 5.1 %입니다.", "재현율은 92.5%입니다.", "임계값은 6.401입니다.", "r12는 256 px로 학습했습니다.", "r12 학습은 43초 걸렸습니다.", "양품 120장으로 학습합니다.", "세 장을 놓쳤습니다.", "phone_2 데이터가 준비되어 있습니다.", "1. 놓친 이미지를 보세요.\n2. 양품을 더 넣으세요.\n", "재현율은 92.5퍼센트입니다.", "F1이 가장 높은 임계값입니다.",
    ],
    "zh": [
        "图像 AUROC 为 0.987。", "200 张中漏检 3 张。", "40 张缺陷图像中漏掉3张。", "过检率为 5.1 %。", "召回率为92.5％。", "阈值为 6.401。", "r12 以 256 像素训练。", "r12 用时 43 秒。", "用 120 张良品学习。", "漏检三张。", "数据集 phone_2 已就绪。", "1. 查看漏检的图像。\n2. 增加良品。\n", "AUROC 约为 98.7 %。", "F1 最高的阈值。",
    ],
}  # fmt: skip
FIGURELESS = {
    "en": [
        "One more thing: do you want to see the missed images?", "Let me look at the data first.", "First I check the data, second I make a plan.", "Which one do you mean?", "The first one looks better than the second one.", "Each one is shown with its heatmap.", "No one has trained on it yet.", "I can start another one if you like.", "There are two ways to do this.", "You have three options here.", "For one thing, the light differs.",
        "One reason is the light.", "Leave-one-out wastes no images.", "A one-class model learns from good images only.", "I double-checked the settings.", "Wait a second, please.", "In the first place, look at the light.", "Once the run finishes, I will summarize it.", "At once!", "Compare the two.", "The two models differ in how they score.", "Look at them one by one.", "This is done in a single click.".replace("a single click", "single-click mode"), "Every single image is scored.",
        "It trains on good images only.", "Nothing starts without your yes.", "The plan is ready; please look at the card.", "I would rather not guess.", "That could not be measured, because there are no masks.", "The AUROC says how well scores separate defective from good.", "A lower threshold finds more defects and raises more false alarms.", "The data set oled is registered.", "Please add good images of another lot.", "The run is still in progress.", "The training was stopped.",
        "I recommend PatchCore for a start.", "With few images, a memory model is a good choice.", "It needs no pre-trained weights.", "The heatmap shows where the model sees something unusual.", "Most of the missed ones are faint scratches.", "Some images are darker than others.", "The F1 score depends on the threshold.", "DINOv2 features are strong with few images.", "ResNet is a family of networks; wide_resnet50_2 is the paper's choice.", "Would you like me to change the image size?", "Sure, I can do that.",
        "Sorry, I did not understand that.", "Could you tell me which data set you mean?", "You can open the run's page to see every image.", "Pairs of good and defective images are compared.", "That is a percentage of the good images.", "Hello! What would you like to train?", "The images are not alike: the light changed between the lots.", "I am the one who asks before anything starts.", "It depends on someone's eye.", "None of that leaves this machine.", "The tone and the bone of the image.", "We need to weigh the height and the weight.", "It is often listened to.", "Mix good images of both lots.", "I did.", "CI pipelines do not matter here.",
        "Thirdly, keep the camera fixed.", "On the other hand, the small one is faster.", "A good one to start with is PaDiM.", "The mild haze in the middle is no defect.", "> a quote", "See [the Data page](/data).", "Use `murascope data add NAME PATH`.",
        "The scores of the good images are low.", "The community uses it.", "That opportunity is open to you.", "See the axes x/y/z.", "The AXIS and the MIX are fine.", "Take a sip.", "A grand total is not measured.",
    ],
    "ko": [
        "한번 살펴보겠습니다.", "다시 한 번 말씀해 주세요.", "두 가지 방법이 있습니다.", "한 가지 더 여쭤볼게요.", "첫째, 조명을 확인하세요.", "두 번째 모델이 더 낫습니다.", "하나씩 살펴보겠습니다.", "하나의 모델로 충분합니다.", "둘 다 괜찮습니다.", "이 점이 중요합니다.", "이 점을 확인해 주세요.", "천천히 진행해도 됩니다.", "만약 조명이 바뀌었다면 다시 학습하세요.", "백본은 미리 학습한 네트워크입니다.", "일반 사진으로 학습한 네트워크입니다.", "이미지를 더 넣어 주세요.", "사진이 어둡습니다.",
        "구조가 단순한 모델입니다.", "오늘은 여기까지 하겠습니다.", "이번 학습은 아직 끝나지 않았습니다.", "공정 조건이 바뀐 것 같습니다.", "영상이 흐립니다.", "육안으로 확인해 보세요.", "팔이 화면에 들어온 이미지가 있습니다.".replace("팔이", "손이"), "가능한 한 같은 조명을 쓰세요.", "학습한 모델을 저장합니다.", "네, 그렇게 하겠습니다.", "네 알겠습니다.", "열화상 이미지도 쓸 수 있습니다.", "반드시 승인하셔야 시작합니다.", "반복해서 나타나는 얼룩입니다.", "반도체 웨이퍼 이미지입니다.", "승인하시기 전에는 아무것도 시작하지 않습니다.", "계획을 카드에 보여 드렸습니다.",
        "어느 데이터를 말씀하시는지 알려 주세요.", "과검은 양품을 불량으로 판정하는 것입니다.", "임계값을 낮추면 미검이 줄어듭니다.", "마스크가 없어서 측정할 수 없습니다.", "패치코어부터 시작하는 것을 권합니다.", "데이터를 구할 수 있으면 더 넣어 주세요.", "이 프로그램은 인터넷을 쓰지 않습니다.", "프로세스가 끝나면 알려 드립니다.", "세부 설정은 카드에서 바꿀 수 있습니다.", "두께가 다른 제품은 따로 학습하세요.", "세로 줄무늬가 보입니다.", "한편 조명도 확인하세요.", "한쪽 가장자리가 어둡습니다.", "구분이 잘 되지 않습니다.", "사용 중인 설정입니다.", "일단 기다려 주세요.", "이만 마치겠습니다.", "안녕하세요, 무엇을 학습할까요?", "조금만 기다려 주세요.", "전체 이미지를 검사합니다.", "삼가 알려 드립니다.".replace("삼가", "미리"), "모델은 어느 것이든 됩니다.", "하나도 시작하지 않았습니다.", "사이즈를 바꿀까요?", "일부 이미지가 깨졌습니다.", "육각형 무늬가 보입니다.", "이상 없습니다.", "두 모델을 비교해 보세요.", "스포티한 제품입니다.", "크리에이티브한 설정은 없습니다.", "이대로 진행할까요?", "이분이 승인했습니다.", "구분과 사이를 확인하세요.", "점 사이의 간격을 보세요.", "검사 포인트 투자를 늘리세요.", "서명과 석회 자국이 보입니다.", "네ㅋㅋ 알겠습니다.",
    ],
    "zh": [
        "我先看一下数据。", "还有一点需要说明。", "这一个方案更合适。", "请再说一遍。", "这是一个训练方案。", "我有一个问题。", "第一，检查光照。", "第二个模型更好。", "有两种办法。", "两者都可以。", "请一步一步来。", "一般先用 PatchCore。", "一定要先批准。", "一旦完成，我会总结结果。", "结果不一致。", "光照不统一。", "这是唯一的办法。", "进一步的说明在卡片上。", "十分抱歉。", "千万别关灯。", "万一失败，可以重新训练。", "百分比是指在良品中的比例。", "参数可以在卡片上修改。", "您想用什么数据？", "后续会陆续加入。", "零件表面有划痕。", "半导体晶圆的图像。",
        "四周比较暗。", "四角有暗影。", "三通道图像。", "二值掩膜用于评估。", "多半是光照的原因。", "训练完成后会自动总结。", "批准之前不会启动。", "已经成功了。", "这些图像由计算机生成。", "没有掩膜，无法测量。", "降低阈值会减少漏检。", "过检是把良品判为缺陷。", "建议先用记忆类模型。", "请告诉我您指的是哪个数据集。", "好的，没有启动任何训练。", "正在训练，请稍等。", "图像越多越好。", "有些图像比较暗。", "您好，想训练什么？", "一切都在本机进行。", "热力图显示哪里异常。", "同一批次的图像请放在一起。", "另一个模型更快。", "其中之一是光照变化。", "请选择一个数据集。", "下一步是查看漏检的图像。", "上一次训练已经停止。", "这一种缺陷很难找。", "我再检查一次。", "一些图像无法读取。", "有三个步骤。", "逐一查看即可。", "单一光源更好。", "F1 由阈值决定。", "油漆什么时候干？", "油漆块脱落。", "参照片上的标记。", "请打开页面。", "打磨痕迹。", "孔洞较多。", "陆续完成。", "收拾好样品。", "什么情况？",
    ],
}  # fmt: skip


LANGUAGES = tuple(CONTEXTS)


def planted(language: str) -> list[str]:
    """Every figure in every context."""
    return [context.format(figure) for figure, context in product(DISGUISES[language], CONTEXTS[language])]


def honest(language: str) -> list[str]:
    return SUPPORTED[language] + FIGURELESS[language]


def is_withheld(text: str) -> bool:
    """Whether any part of an answer that says this is withheld."""
    narration = Narration(Known(FACTS))
    narration.feed(text)
    narration.finish()
    return narration.withheld > 0


def main() -> None:
    for language in LANGUAGES:
        missed = [text for text in planted(language) if not is_withheld(text)]
        wrong = [text for text in honest(language) if is_withheld(text)]
        print(
            f"{language}: {len(planted(language)) - len(missed)} of {len(planted(language))} planted figures caught,"
            f" {len(wrong)} of {len(honest(language))} honest sentences withheld"
        )
        for text in missed:
            print("  not caught:", repr(text))
        for text in wrong:
            print("  withheld:", repr(text))


if __name__ == "__main__":
    main()
