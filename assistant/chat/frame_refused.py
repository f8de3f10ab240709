"""What a page is told when something it sent cannot be carried out now."""


class FrameRefused(ValueError):
    """A frame cannot be carried out now. Worded by the page (locales: refused.<code>); the message is the English wording."""

    def __init__(self, code: str, message: str):
        self.code, self.message = code, message
        super().__init__(message)
