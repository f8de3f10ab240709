"""The languages that Murascope speaks, each called what its speakers call it."""

from typing import Literal

Language = Literal["en", "ko", "zh"]
LANGUAGES: dict[Language, str] = {"en": "English", "ko": "한국어", "zh": "中文"}
