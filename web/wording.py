"""The language in which a page is read."""

from starlette.requests import HTTPConnection

from prompts.languages import LANGUAGES, Language


def choose_language(connection: HTTPConnection, default: Language) -> Language:
    """?lang=, else the cookie, else the first of the browser's languages that we speak, else the configured one."""
    accepted = [
        part.split(";")[0].strip().split("-")[0].lower()
        for part in connection.headers.get("accept-language", "").split(",")
    ]
    wishes = [connection.query_params.get("lang"), connection.cookies.get("murascope_language"), *accepted]
    return next((language for wish in wishes for language in LANGUAGES if language == wish), default)
