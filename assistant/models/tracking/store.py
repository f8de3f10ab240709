"""MLflow, as much of it as is needed: runs, their figures and files, registered models with versions and aliases. All of it blocks.

Written against mlflow-skinny 3.17 (https://mlflow.org/docs/latest/api_reference/python_api/mlflow.client.html). Its defaults wait four minutes for a server that
is down; here a call waits seconds and is not repeated, since what was not sent is sent later anyway.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from assistant.machine.troubles import CodedTrouble
from assistant.models.aliases import ALIASES
from assistant.models.tracking.run_told import OURS, Measured
from assistant.settings import Settings

if TYPE_CHECKING:
    pass

HERE = "home"
PATIENCE_S = 10
METRICS_AT_ONCE, TAGS_AT_ONCE = 500, 100
T = TypeVar("T")


class TrackingTrouble(CodedTrouble):
    """MLflow is away, or refuses."""


def address_of(settings: Settings) -> str | None:
    """Where MLflow is told, without a password; None where nothing is to be told."""
    if settings.tracking == "off":
        return None
    if settings.tracking == HERE:
        return HERE
    parts = urlsplit(settings.tracking)
    return settings.tracking if parts.password is None else settings.tracking.replace(f":{parts.password}@", ":***@")


class Store:
    """One MLflow. Loads it when it is made: half a second to a second, and once several seconds where it makes its database."""

    def __init__(self, settings: Settings):
        """
        Raises:
            TrackingTrouble: MLflow cannot be opened there; `tracking_busy`: another process tells it, and two would begin runs twice.
        """
        os.environ |= {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_HTTP_REQUEST_TIMEOUT": str(PATIENCE_S),
            "GIT_PYTHON_REFRESH": "quiet",
        }
        folder = settings.home / "tracking"
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "told.lock").open("w")  # given back by whatever ends this process
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise TrackingTrouble("tracking_busy", "another process of this home tells MLflow already") from None
        self._files = (folder / "files").as_uri() if "://" not in settings.tracking else None
        uri = f"sqlite:///{folder / 'mlflow.db'}" if settings.tracking == HERE else settings.tracking
        self.address = address_of(settings)
        self._experiments: dict[str, str] = {}
        with self._talking():
            from mlflow import MlflowClient

            self._client: MlflowClient = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self._client.search_experiments(max_results=1)

    def close(self) -> None:
        self._lock.close()

    # ---- runs ----

    def run(self, experiment: str, name: str, *, began_ms: int, tags: Mapping[str, str]) -> str:
        """The id of the run there that has these tags of ours: it is looked for, and else begun."""
        with self._talking():
            place = self._experiment(experiment)
            same = " and ".join(f"tags.`{key}` = '{tags[key]}'" for key in (f"{OURS}run", f"{OURS}home"))
            found = self._client.search_runs([place], filter_string=same, max_results=1)
            if found:
                return str(found[0].info.run_id)
            made = self._client.create_run(place, start_time=began_ms, tags=dict(tags), run_name=name)
            return str(made.info.run_id)

    def tell(
        self,
        run: str,
        *,
        parameters: Mapping[str, str] | None = None,
        measured: Sequence[Measured] = (),
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Telling the same again changes nothing."""
        from mlflow.entities import Metric, Param, RunTag

        with self._talking():
            for some in _pieces(list((parameters or {}).items()), TAGS_AT_ONCE):
                self._client.log_batch(run, params=[Param(*each) for each in some])
            for figures in _pieces(measured, METRICS_AT_ONCE):
                self._client.log_batch(
                    run, metrics=[Metric(each.name, each.value, each.at_ms, each.step) for each in figures]
                )
            for some in _pieces(list((tags or {}).items()), TAGS_AT_ONCE):
                self._client.log_batch(run, tags=[RunTag(*each) for each in some])

    def keep(self, run: str, files: Mapping[str, Path]) -> None:
        """Keep these files with the run, each in the folder that it is named with."""
        with self._talking():
            for name, path in files.items():
                self._client.log_artifact(run, str(path), str(Path(name).parent) if "/" in name else None)

    def end(self, run: str, status: str, *, at_ms: int | None) -> None:
        with self._talking():
            self._client.set_terminated(run, status=status, end_time=at_ms)

    # ---- models ----

    def model(self, name: str, *, home: str, note: str) -> dict[str, str]:
        """The registered model of that name, made where there is none: the versions of it that are ours, ours to theirs.

        Raises:
            TrackingTrouble: `tracking_name`: there is one that somebody else made.
        """
        from mlflow.exceptions import MlflowException

        with self._talking():
            try:
                found = self._client.get_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                found = self._client.create_registered_model(name, tags={f"{OURS}home": home}, description=note)
            if found.tags.get(f"{OURS}home") != home:
                message = f"MLflow at {self.address} has a model {name!r} that somebody else made; it stays as it is"
                raise TrackingTrouble("tracking_name", message)
            if (found.description or "") != note:
                self._client.update_registered_model(name, description=note)
            versions = self._client.search_model_versions(f"name = '{name}'", max_results=10_000)
            return {each.tags[key]: str(each.version) for each in versions if (key := f"{OURS}version") in each.tags}

    def add_version(self, model: str, run: str, folder: Path, *, tags: Mapping[str, str], note: str) -> str:
        """A version of this run's model, whose files are kept with the run there. Its number there."""
        with self._talking():
            there = {each.path.rpartition("/")[2] for each in self._client.list_artifacts(run, folder.name)}
            if not {each.name for each in folder.iterdir()} <= there:
                self._client.log_artifacts(run, str(folder), folder.name)
            made = self._client.create_model_version(
                model, f"runs:/{run}/{folder.name}", run, tags=dict(tags), description=note, await_creation_for=0
            )
            return str(made.version)

    def remove_version(self, model: str, version: str) -> None:
        with self._talking():
            self._client.delete_model_version(model, version)

    def set_aliases(self, model: str, wanted: Mapping[str, str | None]) -> None:
        """Give these aliases to these versions, and take away those that none has."""
        with self._talking():
            have = {alias: str(version) for alias, version in self._client.get_registered_model(model).aliases.items()}
            for alias in ALIASES:
                version = wanted.get(alias)
                if version is None and alias in have:
                    self._client.delete_registered_model_alias(model, alias)
                elif version is not None and have.get(alias) != version:
                    self._client.set_registered_model_alias(model, alias, version)

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            found = self._client.get_experiment_by_name(name)
            place = (
                found.experiment_id if found else self._client.create_experiment(name, artifact_location=self._files)
            )
            self._experiments[name] = str(place)
        return self._experiments[name]

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """What MLflow and the way to it raise becomes one trouble."""
        try:
            yield
        except TrackingTrouble:
            raise
        except Exception as error:
            if not _is_its_own(error):
                raise
            first = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise TrackingTrouble("tracking_away", f"MLflow at {self.address} cannot be told: {first}") from error


def _is_its_own(error: Exception) -> bool:
    """Whether it comes from MLflow, from the way to it, or from its database."""
    module = type(error).__module__.split(".")[0]
    return isinstance(error, OSError) or module in ("mlflow", "requests", "urllib3", "sqlalchemy", "alembic")


def _pieces(of: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (of[start : start + size] for start in range(0, len(of), size))


def told_of(value: Any) -> str:
    """A fact as a tag's text."""
    return value if isinstance(value, str) else "" if value is None else str(value)
