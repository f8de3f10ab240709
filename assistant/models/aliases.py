"""Which version of a model has which part: candidate, the newest that waits for its promotion; champion, the one at work; rollback, the
champion before it. Each part has one version at most, and every change is a function from parts to parts."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from assistant.refused import Refused

Alias = Literal["candidate", "champion", "rollback"]
ALIASES: tuple[Alias, ...] = get_args(Alias)


class NoSuchChange(Refused):
    """The parts cannot change so. `code` is is_champion, no_candidate, no_rollback or at_work."""

    status = 409


@dataclass(frozen=True)
class Aliases:
    """The number of the version that has each part; None: no version."""

    candidate: int | None = None
    champion: int | None = None
    rollback: int | None = None

    def of(self, version: int) -> Alias | None:
        """The part of this version."""
        return next((alias for alias in ALIASES if getattr(self, alias) == version), None)

    def registered(self, version: int) -> "Aliases":
        """A new version waits for its promotion, in the place of one that waited before."""
        return replace(self, candidate=version)

    def to_promote(self, version: int | None) -> int:
        """The version that a promotion means: the one that is named, else the candidate.

        Raises:
            NoSuchChange: it is the champion already, or none is named and none waits.
        """
        if version is None:
            if self.candidate is None:
                hint = "name a version, or register a run first"
                raise NoSuchChange("no_candidate", "no version waits for its promotion", hint)
            return self.candidate
        if version == self.champion:
            hint = "name another version, or register a run first"
            raise NoSuchChange("is_champion", f"version {version} is the champion already", hint, version=version)
        return version

    def promoted(self, version: int) -> "Aliases":
        """The version is the champion from now on, and the one before it what is gone back to."""
        version = self.to_promote(version)
        former = self.champion if self.champion is not None else self.rollback
        return Aliases(
            candidate=None if self.candidate == version else self.candidate,
            champion=version,
            rollback=None if former == version else former,
        )

    def rolled_back(self) -> "Aliases":
        """The champion before this one is at work again; the one that is taken back has no part any more.

        Raises:
            NoSuchChange: there is none to go back to.
        """
        if self.rollback is None:
            hint = "promote the version that is to be at work"
            raise NoSuchChange("no_rollback", "there is no champion before this one to go back to", hint)
        return Aliases(candidate=self.candidate, champion=self.rollback, rollback=None)

    def deleted(self, version: int) -> "Aliases":
        """
        Raises:
            NoSuchChange: the version is at work.
        """
        if version == self.champion:
            hint = "promote another version, or roll back, first"
            raise NoSuchChange("at_work", f"version {version} is the champion", hint, version=version)
        return Aliases(**{alias: None if (of := getattr(self, alias)) == version else of for alias in ALIASES})
