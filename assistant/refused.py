"""What was asked for and cannot be done, in words: the one base of all that people are refused."""

from typing import Any


class Refused(Exception):
    """`code` names what it is, for words in the reader's language; `message` and `hint`, what to do, are the English ones, and
    `values` the parts of them that are no words. `status` is that of an answer over HTTP."""

    status = 422
    retry_after_s: int | None = None  # when another try may help, where that is known

    def __init__(self, code: str, message: str, hint: str = "", **values: Any):
        self.code, self.message, self.hint, self.values = code, message, hint, values
        super().__init__(f"{message}; {hint}" if hint else message)

    @property
    def page_code(self) -> str:
        """The code under which the page keeps its words (locales: error.<code>)."""
        return self.code
