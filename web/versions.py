"""Addresses of static files that change when the files do, so that a browser never mixes old scripts with a new page.

The version stands in the folder part of the address: modules that import each other by relative address stay together.
"""

import hashlib
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"


@cache
def version() -> str:
    """A short fingerprint of all static files."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def static_url(path: str) -> str:
    return f"/static/{version()}/{path}"
