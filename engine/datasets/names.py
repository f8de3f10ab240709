"""What names of folders say, in the languages that people sort pictures in, and how names are written."""

import re
import unicodedata
from pathlib import Path

from engine.contract.data import Part

GOOD = {
    "good", "goods", "normal", "ok", "pass", "free", "defect_free", "no_defect", "양품", "정상", "良品", "合格", "正常",
}  # fmt: skip
MASKS = {"ground_truth", "groundtruth", "gt", "masks", "mask"}
OF_A_CLASS = ("_mask", "_masks")  # after the name of a class: its masks
IMAGES = {"images", "image", "imgs", "img"}
CHANNELS = {*IMAGES, "rgb", "color", "colour"}  # which of several pictures of one thing is the picture
DEFECT_WORDS = {
    "ng", "nok", "ko", "bad", "defect", "defects", "defective", "anomaly", "anomalies", "anomalous", "abnormal", "fail",
    "failed", "failure", "fault", "faulty", "reject", "rejected", "rejects", "not_good", "no_good", "not_ok",
}  # fmt: skip
PARTS: dict[Part, set[str]] = {
    "train": {"train", "training", "학습", "훈련", "训练", "訓練"},
    "validation": {"validation", "val", "valid", "검증", "验证", "驗證"},
    "test": {"test", "testing", "테스트", "시험", "测试", "測試"},
}
AROUND_PART = re.compile(
    r"^[\d_.]+|_?(set|data|images|split|public|용|셋|데이터|集)$"
)  # as in 01_train and test_public
TEST_WORDS = {"test", "tests", "testing", "val", "valid", "validation", "eval", "evaluation"}
DEFECT_SIGNS = ("불량", "결함", "이상", "비정상", "缺陷", "不良", "异常", "異常", "不合格", "次品", "瑕疵")
TEST_SIGNS = ("테스트", "시험", "평가", "검증", "测试", "測試", "验证", "驗證", "评估")


def is_good(name: str) -> bool:
    return plain_name(name) in GOOD


def is_masks(name: str) -> bool:
    """By its name alone. What is called shadow_mask may be a defect of one."""
    return plain_name(name) in MASKS


def means_defect(name: str) -> bool:
    """Whether a folder's name says that what lies in it is defective, such as NG_2024 or 불량품."""
    return not is_good(name) and _says(name, DEFECT_WORDS, DEFECT_SIGNS)


def part_of(name: str) -> Part | None:
    """The part of a data set that a folder's name says it is, such as Train, valid or test_public; None where it says none."""
    plain = AROUND_PART.sub("", plain_name(name))
    return next((part for part, words in PARTS.items() if plain in words), None)


def means_test(name: str) -> bool:
    return _says(name, TEST_WORDS, TEST_SIGNS)


def _says(name: str, words: set[str], signs: tuple[str, ...]) -> bool:
    plain = plain_name(name)
    return plain in words or bool(words & set(re.split(r"[\W\d_]+", plain))) or any(sign in plain for sign in signs)


def plain_name(name: str) -> str:
    """Lower case, one way of writing: some systems store Korean letters in pieces."""
    return unicodedata.normalize("NFC", name).strip().lower().replace(" ", "_").replace("-", "_")


def name_inside(path: Path, *, root: Path) -> str:
    """The path inside the data set, written with /."""
    return written(path.relative_to(root).as_posix())


def written(name: str) -> str:
    """A file's name as text; a byte that is no UTF-8 becomes %FF or the like, so that different names stay different."""
    return "".join(f"%{ord(sign) - 0xDC00:02X}" if "\udc80" <= sign <= "\udcff" else sign for sign in name)
