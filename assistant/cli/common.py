"""What every command needs: the settings, its words on stderr, and its answer as JSON."""

import getpass
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from assistant.settings import Settings

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
INVALID = 2  # exit code: nothing was done


def settings_here(*, host: str | None = None, port: int | None = None) -> "Settings":
    from pydantic import ValidationError

    from assistant.settings import SettingError, Settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = [
            f"MURASCOPE_{str(each['loc'][0]).upper()} is {each['input']!r}: {each['msg'].lower()}"
            for each in error.errors()
        ]
        give_up("; ".join(problems))
    except SettingError as error:
        give_up(str(error))
    try:
        settings.home = settings.home.expanduser().absolute()
    except RuntimeError:
        give_up(f"MURASCOPE_HOME is {str(settings.home)!r}: there is no such user here; give the whole path")
    return settings


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def give_up(message: str) -> NoReturn:
    tell(message)
    raise typer.Exit(INVALID)


def who() -> str:
    """Who gives the command, for what is signed."""
    try:
        return f"{getpass.getuser()}, command line"
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "command line"
