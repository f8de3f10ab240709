"""`python -m engine run | test | rescore | serve | export | bundle | verify-bundle | check | catalog | gpus | demo | previews | report-pictures`: the door between processes.

torch is imported only after the Started event is written, so a run shows that it began while torch is still loading.
Exit codes of run: 0 finished, 1 failed, 3 stopped.
"""

import argparse
import gc
import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from engine.contract.asker import end_with_asker
from engine.contract.continuing import Continued, read_continued
from engine.contract.events import Event, Finished, Started, Stopped, Warned
from engine.contract.folder import Checkpoints, RunFolder
from engine.contract.jobs import KINDS, Job, digest_of, read_job
from engine.contract.plain_files import write_whole
from engine.contract.results.exported import FORMATS, PRECISIONS
from engine.failures import DataError, SettingError, SpecChanged, failure
from engine.heartbeat import beating
from engine.report import Report, StopRequested, TimeLimit

FINISHED, FAILED, STOPPED = 0, 1, 3


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.asked and not options.listens:  # what listens to its standard input sees its end itself
        end_with_asker()
    code: int = options.do(options)
    return code


def run(options: argparse.Namespace) -> int:
    """Run RUN/spec.json on a data set; a run whose process was killed goes on from its last checkpoint."""
    run: Path = options.run
    try:
        report = Report(run)
    except (OSError, ValueError) as error:  # no log to tell it to
        print(f"cannot write the event log of the run folder {run}: {error}", file=sys.stderr)
        return FAILED
    if report.log.ended:
        report.log.close()
        print(
            f"the run in {run} has ended, and what ran stays as it is; make a new run folder with the same spec.json",
            file=sys.stderr,
        )
        return FAILED
    _stop_on_signals(report)
    try:
        with beating(run):
            return _run(options, report)
    except OSError as error:  # the log itself cannot be written any more
        print(f"cannot write the event log of the run folder {run}: {error}", file=sys.stderr)
        return FAILED


def _run(options: argparse.Namespace, report: Report) -> int:
    run: Path = options.run
    try:
        spec = _read_spec(run) if options.approved_spec is None else _approved_spec(run, options.approved_spec)
        continued = read_continued(run)
        if continued is not None:
            report.goes_on_from(continued.seconds)
        report(Started(**_what_starts(spec, continued)))
        _tell_epochs_before(report, continued)
        _load(f"engine.tasks.{spec.kind}.run")
        from engine.tasks import run_job

        finished = run_job(
            spec,
            RunFolder(run),
            data=options.data,
            report=report,
            runs=options.runs,
            approved_data=options.approved_data,
            **_weights(),
        )
    except StopRequested:
        _end(run, report, Stopped(stage=report.stage))
        return STOPPED
    except (Exception, TimeLimit) as error:  # noqa: BLE001  (the engine's door)
        traceback.print_exc()
        _end(run, report, failure(error))
        return FAILED
    _end(run, report, finished)
    return FINISHED


def _end(run: Path, report: Report, event: Event) -> None:
    report.end(event)
    if isinstance(event, Finished):  # any other run may go on in a new one
        _leave_the_best(Checkpoints(RunFolder(run).checkpoints))


def _leave_the_best(checkpoints: Checkpoints) -> None:
    """Remove where it would go on, and what a process that was killed while it wrote has left half written."""
    with suppress(FileNotFoundError):
        for path in checkpoints.path.iterdir():
            if path != checkpoints.best:
                path.unlink(missing_ok=True)


def _what_starts(job: Job, continued: Continued | None) -> dict[str, Any]:
    what: dict[str, Any] = {"kind": job.kind, "model": job.subject, "dataset": job.dataset}
    if continued is None:
        return what
    before = {"after_epoch": continued.after_epoch, "seconds_before": continued.seconds}
    return {**what, "continues": continued.run, **before}


def _tell_epochs_before(report: Report, continued: Continued | None) -> None:
    """The epochs of the run that this one goes on from belong to its story."""
    if continued is not None and not report.goes_on:
        for epoch in continued.epochs:
            report(epoch.model_copy(update={"eta_s": None}))


def _load(module: str) -> None:
    """What needs torch, without a look for garbage meanwhile: there is none, and looking takes a fifth of the time."""
    _prepare_for_torch()
    gc.disable()
    try:
        import_module(module)
    finally:
        gc.freeze()
        gc.enable()


def _prepare_for_torch() -> None:
    """Settings that torch's libraries read when they are loaded."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # CUDA: the same sums in every run
    # threads that wait in a loop slow everything down where other processes compute too: 100 s instead of 20 s beside one
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _read_spec(run: Path) -> Job:
    try:
        return read_job(RunFolder(run).spec.read_bytes())
    except FileNotFoundError:
        raise SettingError(f"there is no spec.json in the run folder {run}; write the spec there first") from None


def _approved_spec(run: Path, approved: str) -> Job:
    """The spec in the run folder, which must be the one with this digest."""
    try:
        spec = _read_spec(run)
    except (OSError, ValueError) as error:
        raise SpecChanged(
            f"the settings that were approved cannot be read from {RunFolder(run).spec}: {error}"
        ) from error
    if digest_of(spec) != approved:
        raise SpecChanged(
            f"the settings in {RunFolder(run).spec} are not those that were approved: the file was changed"
        )
    return spec


def test(options: argparse.Namespace) -> int:
    """Score other pictures by the model of a finished run; maps, heatmaps, masks and findings are written.

    Without --threshold they are judged by the threshold of the training.
    """
    _load("engine.tasks")
    from engine.tasks import try_run

    return _answer(
        lambda: try_run(
            RunFolder(options.run), data=options.data, output=options.output, report=_warn_on_stderr, **_weights(),
            **_in_force(options),
        )
    )  # fmt: skip


def rescore(options: argparse.Namespace) -> int:
    """Load the model of a finished run again and score pictures whose label is known: its own test images, or those of other data."""
    _load("engine.tasks")
    from engine.tasks import rescore_run

    return _answer(
        lambda: rescore_run(
            RunFolder(options.run), data=options.data, own=not options.other_data, most=options.most,
            threshold=options.threshold, tested_by=RunFolder(options.tested_by) if options.tested_by else None, **_weights(),
        ).facts()
    )  # fmt: skip


def export(options: argparse.Namespace) -> int:
    """Write the model of a finished run for another runtime; the file is kept only if that runtime judges as the engine does."""
    _prepare_for_torch()  # torch.export needs its compiler: it is loaded as it comes
    from engine.exporting import export_run

    def progress(stage: str) -> None:
        if options.progress is not None:
            write_whole(options.progress, json.dumps({"stage": stage}, allow_nan=False))

    return _answer(
        lambda: export_run(
            RunFolder(options.run), format=options.format, output=options.output, data=options.data, own=not options.other_data,
            most=options.most, precision=options.precision, progress=progress, **_weights(), **_in_force(options),
        ).facts()
    )  # fmt: skip


def bundle(options: argparse.Namespace) -> int:
    """Pack a finished run into one zip, with the weights of its encoder and pictures to try it on."""
    _load("engine.exporting.bundles")
    from engine.exporting.bundles import write_bundle

    return _answer(
        lambda: write_bundle(
            RunFolder(options.run), output=options.output, data=options.data, **_weights(), **_in_force(options)
        ).facts()
    )  # fmt: skip


def verify_bundle(options: argparse.Namespace) -> int:
    """Try a bundle that lies unpacked in a folder: its checksums, its model with its own weights, the scores of its pictures."""
    _load("engine.exporting.bundles")
    from engine.exporting import bundles

    return _answer(lambda: bundles.verify_bundle(options.folder).facts())


def _answer(answer: Callable[[], dict[str, Any]]) -> int:
    """Print what was asked for as JSON, or why it cannot be told."""
    try:
        told = answer()
    except (DataError, SettingError) as error:
        print(error, file=sys.stderr)
        return FAILED
    except Exception as error:  # noqa: BLE001  (the engine's door)
        failed = failure(error)
        print(f"{failed.reason}; {failed.hint}", *failed.log, sep="\n", file=sys.stderr)
        return FAILED
    print(json.dumps(told, ensure_ascii=False, allow_nan=False))
    return FINISHED


def serve(options: argparse.Namespace) -> int:
    """Load the model of a finished run and judge the pictures that standard input asks for, until it ends.

    A line of JSON for each, and one in answer (engine/contract/serving.py).
    """
    from engine.serving_pipe import Pipe

    pipe: Pipe[Any] = Pipe(ends_at_once=options.asked)
    with pipe:
        _load("engine.serving")
        from engine.serving import serve_run

        return FINISHED if serve_run(RunFolder(options.run), pipe, **_weights()) else FAILED


def _in_force(options: argparse.Namespace) -> dict[str, Any]:
    """The threshold that judges, where one is named."""
    from engine.contract.results.detect import JudgedBy

    named = (options.threshold, options.pixel_threshold, options.threshold_version)
    if named == (None, None, None):
        return {}
    if None in named or not all(map(math.isfinite, named)):
        raise SettingError("name --threshold, --pixel-threshold and --threshold-version together, as finite numbers")
    return {"judged_by": JudgedBy(*named)}


def _warn_on_stderr(event: Event) -> None:
    if isinstance(event, Warned):
        print(event.message, file=sys.stderr)


def check(options: argparse.Namespace) -> int:
    """Look through a data set and tell of it as one JSON object; exit code 1 when it cannot be trained on."""
    from engine.datasets import UnreadableDataset
    from engine.datasets.check import check_dataset, no_facts

    try:
        facts = check_dataset(options.path)
    except UnreadableDataset as error:
        facts = no_facts(options.path, error)
    print(json.dumps(facts.told(), ensure_ascii=False, allow_nan=False))
    return FAILED if facts.problems else FINISHED


def describe_backbones(options: argparse.Namespace) -> int:
    """Ask every network of timm what it offers as a backbone, and write it down (engine/contract/backbones.json)."""
    from engine.contract.backbones import FILE
    from engine.describing import write_descriptions

    print(write_descriptions(options.file or FILE))
    return FINISHED


def catalog(options: argparse.Namespace) -> int:
    """All models that can be trained, with every setting, as JSON."""
    cards = [_model_card(kind, name) for kind, job in KINDS.items() for name in job.models()]
    print(json.dumps(cards, ensure_ascii=False, indent=1, allow_nan=False))
    return FINISHED


def gpus(options: argparse.Namespace) -> int:
    """Print how many GPUs torch finds, as JSON."""
    import torch

    print(json.dumps(torch.cuda.device_count(), allow_nan=False))
    return FINISHED


def demo(options: argparse.Namespace) -> int:
    """Write the demo data set."""
    from engine.datasets.synthetic import write_demo

    write_demo(options.folder)
    print(json.dumps({"folder": str(options.folder)}, allow_nan=False))
    return FINISHED


def report_pictures(options: argparse.Namespace) -> int:
    """Print pictures of a finished run for its report, as JSON."""
    from engine.report_pictures import pictures_for_report

    scale = None if options.low is None else (options.low, options.high)
    drawn = pictures_for_report(options.run, options.images, longest=options.longest, pixel=options.pixel, scale=scale)
    print(json.dumps(drawn, allow_nan=False))
    return FINISHED


def previews(options: argparse.Namespace) -> int:
    """Make small pictures as asked for on standard input, line by line, until it ends."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads would take the memory that pictures may have
    from engine.previews import answer_all

    answer_all(sys.stdin, sys.stdout)
    return FINISHED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description="Trains and measures anomaly detectors.")
    parser.add_argument("--asked", action="store_true", help="end when standard input ends: whoever asked is gone")
    parser.set_defaults(listens=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("run", help=run.__doc__)
    command.add_argument("run", type=Path, help="run folder, holding spec.json")
    command.add_argument("--data", type=Path, required=True, help="folder of the data set")
    command.add_argument(
        "--runs", type=Path, help="folder of the runs that it is built on; default: the one it lies in"
    )
    command.add_argument("--approved-data", metavar="FINGERPRINT", help="refuse any other pictures than these")
    command.add_argument("--approved-spec", metavar="SHA256", help="refuse any other settings in spec.json than these")
    command.set_defaults(do=run)
    command = commands.add_parser("test", help=test.__doc__)
    command.add_argument("run", type=Path, help="folder of a finished run")
    command.add_argument("--data", type=Path, required=True, help="folder of pictures, or of a data set")
    command.add_argument("--output", type=Path, required=True, help="new folder for what is written")
    command.add_argument("--threshold", type=float, help="of images, in force; default: that of the training")
    command.add_argument("--pixel-threshold", type=float, help="that goes with it")
    command.add_argument(
        "--threshold-version", type=int, help="which of the run's thresholds it is, written with each verdict"
    )
    command.set_defaults(do=test)
    command = commands.add_parser("rescore", help=rescore.__doc__)
    command.add_argument("run", type=Path, help="folder of a finished run")
    command.add_argument("--data", type=Path, required=True, help="folder of the data set")
    command.add_argument("--other-data", action="store_true", help="it is not the run's own: score all it tests with")
    command.add_argument(
        "--tested-by", type=Path, help="folder of a run on other data: score what that one was tested with"
    )
    command.add_argument("--most", type=int, help="of its own test images at most so many, the least clear ones")
    command.add_argument("--threshold", type=float, help="of images, in force; default: that of the training")
    command.set_defaults(do=rescore)
    command = commands.add_parser("serve", help=serve.__doc__)
    command.add_argument("run", type=Path, help="folder of a finished run")
    command.set_defaults(do=serve, listens=True)
    command = commands.add_parser("export", help=export.__doc__)
    command.add_argument("run", type=Path, help="folder of a finished run")
    command.add_argument("--format", choices=FORMATS, required=True)
    command.add_argument("--output", type=Path, required=True, help="new file")
    command.add_argument("--precision", choices=PRECISIONS, default="fp32")
    command.add_argument(
        "--data", type=Path, help="pictures to compare on; default: what the evaluation keeps of its own"
    )
    command.add_argument("--other-data", action="store_true", help="it is not the run's own: take all it tests with")
    command.add_argument("--most", type=int, default=64, help="pictures that are compared, the least clear ones first")
    command.add_argument("--threshold", type=float, help="of images, in force; default: that of the training")
    command.add_argument("--pixel-threshold", type=float, help="that goes with it")
    command.add_argument("--threshold-version", type=int, help="which of the run's thresholds it is")
    command.add_argument("--progress", type=Path, help="file that tells what is being done")
    command.set_defaults(do=export)
    command = commands.add_parser("bundle", help=bundle.__doc__)
    command.add_argument("run", type=Path, help="folder of a finished run")
    command.add_argument("--output", type=Path, required=True, help="new zip")
    command.add_argument("--data", type=Path, help="the run's data set; default: the copies that its evaluation keeps")
    command.add_argument("--threshold", type=float, help="of images, in force; default: that of the training")
    command.add_argument("--pixel-threshold", type=float, help="that goes with it")
    command.add_argument("--threshold-version", type=int, help="which of the run's thresholds it is")
    command.set_defaults(do=bundle)
    command = commands.add_parser("verify-bundle", help=verify_bundle.__doc__)
    command.add_argument("folder", type=Path)
    command.set_defaults(do=verify_bundle)
    command = commands.add_parser("check", help=check.__doc__)
    command.add_argument("path", type=Path)
    command.set_defaults(do=check)
    command = commands.add_parser("catalog", help=catalog.__doc__)
    command.set_defaults(do=catalog)
    command = commands.add_parser("describe-backbones", help=describe_backbones.__doc__)
    command.add_argument("--file", type=Path, help="written instead of the engine's own")
    command.set_defaults(do=describe_backbones)
    command = commands.add_parser("gpus", help=gpus.__doc__)
    command.set_defaults(do=gpus)
    command = commands.add_parser("demo", help=demo.__doc__)
    command.add_argument("folder", type=Path)
    command.set_defaults(do=demo)
    command = commands.add_parser("report-pictures", help=report_pictures.__doc__)
    command.add_argument("run", type=Path)
    command.add_argument("--images", type=int, nargs="+", required=True)
    command.add_argument("--longest", type=int, default=300)
    for name in ("--pixel", "--low", "--high"):
        command.add_argument(name, type=float, default=None)
    command.set_defaults(do=report_pictures)

    command = commands.add_parser("previews", help=previews.__doc__)
    command.set_defaults(do=previews)
    return parser


def _stop_on_signals(report: Report) -> None:
    """SIGTERM and SIGINT ask for a stop; it happens at the next report."""

    def request_stop(number: int, frame: FrameType | None) -> None:
        report.stop_requested = True

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)


def _weights() -> dict[str, Any]:
    """Where weights are looked for, as the environment says."""
    folder = os.environ.get("MURASCOPE_WEIGHTS")
    return {"weights_folder": Path(folder) if folder else None, "hub": _hub_allowed()}


def _hub_allowed() -> bool:
    return os.environ.get("MURASCOPE_HUB", "on").lower() not in ("off", "0", "false", "no")


def _model_card(kind: str, name: str) -> dict[str, Any]:
    params: Any = KINDS[kind].models()[name]
    fields = {field: schema for field, schema in params.model_json_schema()["properties"].items() if field != "name"}
    return {
        "task": kind,
        "name": name,
        "title": params.title,
        "family": params.family,
        "paper": params.paper,
        "summary": params.summary,
        "defaults": {
            "backbone": params.default_backbone,
            "epochs": params.default_epochs,
            "batch_size": params.default_batch_size,
            "image_size": params.default_image_size,
            **_own_defaults(params),
        },
        "fields": fields,
    }


def _own_defaults(params: Any) -> dict[str, Any]:
    """Of the model's own settings; `layers` as they are on its own backbone."""
    plain = {name: field.default for name, field in params.model_fields.items() if not field.is_required()}
    own = {name: value for name, value in plain.items() if name != "name"}
    return own | ({"layers": params.default_layers()} if "layers" in params.model_fields else {})


def _end_at_once(code: int) -> NoReturn:
    """Everything is written by now, and Python would take a second to put away what torch has loaded."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _end_at_once(main())
