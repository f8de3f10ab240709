"""What a page is told when something it sent cannot be carried out now."""

from assistant.refused import Refused


class FrameRefused(Refused):
    """A frame cannot be carried out now. Worded by the page (locales: refused.<code>)."""
