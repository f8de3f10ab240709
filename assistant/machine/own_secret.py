"""The secret of an installation: what it signs with. MURASCOPE_REPORT_SECRET, else one that the home keeps."""

import secrets

from assistant.machine.noted_once import noted_once
from assistant.settings import Settings

SECRET_FILE = "report.secret"
SECRET_BYTES = 32


def own_secret(settings: Settings) -> str:
    """Reads the disk, and writes it the first time.

    Raises:
        OSError: the home holds no secret and takes none.
    """
    if settings.report_secret is not None:
        return settings.report_secret.get_secret_value()
    return noted_once(settings.home / SECRET_FILE, lambda: secrets.token_hex(SECRET_BYTES), mode=0o600)
