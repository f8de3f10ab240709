"""How long something stays as it is, by the clock of the process that looks at it: no two machines' clocks are compared."""

import time
from dataclasses import dataclass

LONGEST_LOOK_S = 5.0  # that counts between two looks: a process that stood still has seen nothing


@dataclass
class _Seen:
    value: object
    seconds: float
    looked_at: float


class Unchanged:
    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def seconds(self, what: str, value: object) -> float:
        """For how long `what` has had this value, counted from when it was first looked at."""
        at = time.monotonic()
        seen = self._seen.get(what)
        if seen is None or seen.value != value:
            seen = self._seen[what] = _Seen(value, 0.0, at)
        seen.seconds += min(at - seen.looked_at, LONGEST_LOOK_S)
        seen.looked_at = at
        return seen.seconds

    def forget(self, what: str) -> None:
        self._seen.pop(what, None)
