"""How many archives with names of Windows in China, Korea, Japan and Taiwan are read as they were meant: `python benchmarks/archive_names.py`.

Reference: Korean where the bytes are mostly Korean letters, else GBK. Ours: the encoding whose words are the most usual, over all
names together. Every word alone, in pairs and in groups of six; what stands alone and is short cannot always be told.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from assistant.data.archive_names import decode_names

WORDS = {
    "gbk": "良品 合格 划痕 缺陷 不良 不合格 正常 异常 训练 测试 脏污 裂纹 凹坑 气泡 漏光 亮点 暗点 黑点 白点 斑点 污渍 变色 缺口 毛刺 变形 破损 断裂 异物 杂质 表面 屏幕 面板 手机 螺丝 轴承 电路板 玻璃 图像 图片 样本 数据 标签 掩码 好 坏 生产线 三号线 左 右 正面 背面 检测 新建文件夹 外观 焊接 焊点 虚焊 漏焊 短路 偏移 擦伤 压伤 色差 亮线 云斑 灰尘 指纹 水印 油污 边缘 返工 报废 产品 批次 零件 金属 瓷砖 药片 牙刷 拉链",
    "cp949": "양품 불량 스크래치 정상 합격 불합격 결함 이물 찍힘 긁힘 얼룩 오염 크랙 균열 기포 빛샘 휘점 암점 흑점 변색 깨짐 파손 변형 이미지 사진 데이터 학습 훈련 시험 테스트 검사 마스크 라벨 좋음 나쁨 나사 베어링 회로기판 유리 화면 패널 휴대폰 생산라인 왼쪽 오른쪽 앞면 뒷면 외관 납땜 단락 들뜸 눌림 색차 줄무늬 잔상 먼지 지문 기름 통과 재작업 폐기 제품 부품 금속 원단 타일 가죽 알약 캡슐 칫솔 지퍼 새폴더 무라 핀홀 함몰",
    "cp932": "良品 キズ 不良 傷 汚れ 欠け 割れ 打痕 異物 気泡 変色 しみ ムラ バリ 正常 異常 画像 写真 学習 訓練 検査 テスト データ マスク ラベル 良い 悪い ねじ 基板 ガラス 画面 パネル 合格 不合格 製品 部品 金属 新しいフォルダー はんだ ショート 欠陥 へこみ 輝点 黒点 ほこり 指紋 表面 裏面",
    "big5": "良品 合格 刮痕 缺陷 不良 正常 異常 訓練 測試 髒污 裂紋 凹坑 氣泡 漏光 亮點 暗點 圖像 圖片 樣本 資料 資料夾 標籤 遮罩 好 壞 螺絲 面板 玻璃 檢測 外觀 短路 偏移 灰塵 產品 零件 金屬",
}


def main() -> None:
    print(f"{'':<8}{'words':>6}{'archives':>10}{'reference':>11}{'ours':>6}")
    for encoding, words in WORDS.items():
        for count in (1, 2, 6):
            archives = list(groups(words.split(), count))
            plain, ours = (right(archives, encoding, read) for read in (korean_first, decode_names))
            print(f"{encoding:<8}{count:>6}{len(archives):>10}{plain:>11}{ours:>6}")


def groups(words: list[str], count: int) -> Iterator[list[str]]:
    for start in range(0, len(words) - count + 1, count):
        yield words[start : start + count]


def right(archives: list[list[str]], encoding: str, read: Callable[[list[bytes]], list[str]]) -> int:
    return sum(read([word.encode(encoding) for word in words]) == words for words in archives)


def korean_first(raw: list[bytes]) -> list[str]:
    try:
        text = [name.decode("cp949") for name in raw]
        letters = "".join(text)
        if sum("가" <= letter <= "힣" for letter in letters) > 0.7 * len(letters):
            return text
    except UnicodeDecodeError:
        pass
    return [name.decode("gbk", errors="replace") for name in raw]


if __name__ == "__main__":
    main()
