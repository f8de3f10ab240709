"""What a licence says of use in a business, by its name."""

import re

NON_COMMERCIAL = re.compile(r"\bNC\b|non-?commercial", re.IGNORECASE)


def is_non_commercial(licence: str) -> bool:
    return NON_COMMERCIAL.search(licence) is not None
