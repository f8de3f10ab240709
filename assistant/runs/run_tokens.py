"""What a run that computes elsewhere shows to be let in: a signed token that is good for one attempt of one run, and for a time.

A JSON Web Token (https://www.rfc-editor.org/rfc/rfc7519), signed with a secret that lies in the home (0600), made once; several servers that
share the work share it by MURASCOPE_REPORT_SECRET. What it lets in to ends with the attempt, however long the token itself would hold.
"""

import time
from dataclasses import dataclass
from functools import cached_property

import jwt

from assistant.machine.own_secret import own_secret
from assistant.refused import Refused
from assistant.settings import Settings

AUDIENCE = "murascope-reports"
ALGORITHM = "HS256"
CLAIMS = ("run", "attempt", "aud", "exp")
DAY_S = 86_400.0
HOLDS_S = 7 * DAY_S  # from the submission on, waiting included; who works longer gets a new one in time


class BadToken(Refused):
    """There is no token, or it is none of ours, or no longer one."""

    status = 401

    def __init__(self, why: str):
        super().__init__("no_token", why, "only the process that computes the run reports of it")


@dataclass(frozen=True)
class Bearer:
    """Whom a token is for, and until when it holds: seconds since 1970-01-01 UTC."""

    run: str
    attempt: int
    until: float


class RunTokens:
    """Makes and reads the tokens of an installation. The first use may read the disk."""

    def __init__(self, settings: Settings):
        self._settings = settings

    def make(self, run: str, attempt: int, *, holds_s: float = HOLDS_S) -> str:
        """
        Raises:
            OSError: the home holds no secret and takes none.
        """
        claims = {"run": run, "attempt": attempt, "aud": AUDIENCE, "exp": time.time() + holds_s}
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Bearer:
        """
        Raises:
            BadToken: it was not made here, is no longer good, or is not for reports.
        """
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], audience=AUDIENCE, options={"require": list(CLAIMS)}
            )
        except jwt.ExpiredSignatureError:
            raise BadToken("the token has expired") from None
        except jwt.InvalidTokenError:
            raise BadToken("the token is none of this server's") from None
        run, attempt = claims["run"], claims["attempt"]
        if not isinstance(run, str) or type(attempt) is not int:
            raise BadToken("the token names no attempt of a run")
        return Bearer(run, attempt, float(claims["exp"]))

    @cached_property
    def _secret(self) -> str:
        return own_secret(self._settings)
