"""`murascope register`, `promote`, `rollback`, `models`, `gate`, `list`: the life of a model from a terminal."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.common import INVALID, JsonFlag, print_json, settings_here, tell, who
from prompts.figures import counted

if TYPE_CHECKING:
    from assistant.models.acts import Models
    from assistant.workspace import Workspace

Name = Annotated[str, typer.Argument(help="Name of a model.")]
Why = Annotated[str, typer.Option(help="A reason, kept with who and when.")]

app = typer.Typer(help="What there is.", no_args_is_help=True)


def register(
    run: Annotated[str, typer.Argument(help="Id of a finished run, such as r12.")],
    name: Annotated[str, typer.Option(help="Name of the model; made where there is none of it.")],
    note: Annotated[str, typer.Option(help="A note to be kept with the version.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be given several times.")] = None,
    why: Why = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a version of a finished run at its threshold in force. It is the model's candidate then."""
    from assistant.models.acts import told_of_version

    async def act(models: "Models") -> dict[str, Any]:
        version = await models.register(name, run, who=who(), why=why, note=note, tags=tag or ())
        return told_of_version(version)

    told = _done(act)
    if as_json:
        print_json(told)
    else:
        print(
            f"{told['reference']}\t{told['alias'] or ''}\t{told['run']}, threshold version {told['threshold_version']}"
        )


def promote(
    name: Name,
    version: Annotated[int | None, typer.Option(help="Its number; left out: the candidate.")] = None,
    why: Why = "",
    check: Annotated[bool, typer.Option("--check", help="Only tell whether it may be.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a version the champion, if it keeps the gate and gives the scores it was measured by. What gives pause asks for --why."""
    from assistant.models.acts import NotPromoted, told_of

    async def act(models: "Models") -> dict[str, Any]:
        if check:
            return (await models.assess(name, version)).told()
        try:
            promotion = await models.promote(name, version, who=who(), why=why)
        except NotPromoted as error:
            return {"status": error.code, "problem": str(error), **error.assessment.told()}
        return {"status": "promoted", **promotion.assessment.told(), "now": told_of(promotion.model)}

    told = _done(act)
    if as_json:
        print_json(told)
    else:
        for line in _assessed(told):
            print(line)
    if told.get("status", "promoted") != "promoted":
        if not as_json:
            tell(told["problem"])
        raise typer.Exit(INVALID)


def rollback(name: Name, why: Why = "", as_json: JsonFlag = False) -> None:
    """Put the champion before this one to work again."""
    from assistant.models.acts import told_of

    async def act(models: "Models") -> dict[str, Any]:
        return told_of(await models.roll_back(name, who=who(), why=why))

    _print_model(_done(act), as_json=as_json)


def gate(
    name: Name,
    max_escape: Annotated[
        float | None, typer.Option(help="Share of each defect type that may escape, such as 0.02.")
    ] = None,
    max_escape_of: Annotated[
        list[str] | None, typer.Option(help="TYPE=SHARE, another share for one type; may be given several times.")
    ] = None,
    max_overkill: Annotated[float | None, typer.Option(help="Share of good images that may fail.")] = None,
    data: Annotated[str | None, typer.Option(help="Data set that versions are measured on, as it is now.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Ask for nothing any more.")] = False,
    why: Why = "",
    as_json: JsonFlag = False,
) -> None:
    """Show what a version must keep to be promoted, or set it."""
    from pydantic import ValidationError

    from assistant.cli.common import give_up
    from assistant.models.acts import told_of
    from assistant.models.gate import Gate

    try:
        asked = Gate(
            max_escape=max_escape, max_escape_of=_shares(max_escape_of or []), max_overkill=max_overkill, data=data
        )
    except ValidationError as error:
        give_up("; ".join(f"{each['loc'][0]}: {each['msg'].lower()}" for each in error.errors()))

    async def act(models: "Models") -> dict[str, Any]:
        if asked.is_empty and not clear:
            return told_of(await models.registry.get(name))
        return told_of(await models.set_gate(name, None if clear else asked, who=who(), why=why))

    told = _done(act)
    if as_json:
        print_json({"name": told["name"], "gate": told["gate"]})
    else:
        print(f"{told['name']}\t{_gate(told['gate'])}")


def drift(
    reference: Annotated[str, typer.Argument(help="A finished run, such as r12, or a model: panels@champion.")],
    as_json: JsonFlag = False,
) -> None:
    """Tell whether the latest pictures that a model judged still look like the good images that its threshold was set on."""
    from engine.contract.policy import percent

    async def act(models: "Models") -> dict[str, Any]:
        return (await models.drift(reference)).told()

    told = _done(act)
    if as_json:
        print_json(told)
        return
    chance = "" if told["p_value"] is None else f", p {told['p_value']:.2g}"
    print(
        f"{told['outcome'].replace('_', ' ')}\t{counted(told['below'], 'picture')} against {counted(told['kept'], 'good one')}{chance}"
    )
    if told["flagged"] is not None and told["promised"] is not None:
        print(
            f"called defective\t{percent(told['flagged'])} % of {told['pictures']}; promised at most {percent(told['promised'])} % of good ones"
        )
    if told["running"] is not None:
        print(f"threshold\t{told['threshold']:.4g} in force; one that followed these pictures: {told['running']:.4g}")
    print(told["advice"])


def models(
    name: Annotated[str | None, typer.Argument(help="Of one model: all its versions.")] = None,
    history: Annotated[bool, typer.Option("--history", help="What was done with it, by whom, when and why.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the models, or the versions of one."""
    from assistant.models.acts import told_of

    if name is None:

        async def every(models: "Models") -> dict[str, Any]:
            return {"models": [told_of(model) for model in await models.registry.list()]}

        told = _done(every)
        if as_json:
            print_json(told)
            return
        for model in told["models"]:
            print("\t".join([model["name"], *_parts(model), counted(len(model["versions"]), "version")]))
        if not told["models"]:
            tell("no model is registered yet: murascope register RUN --name NAME")
        return

    async def one(models: "Models") -> dict[str, Any]:
        told = told_of(await models.registry.get(name))
        if history:
            acts, false = await models.registry.history(name)
            told["history"] = [_act(act) for act in acts]
            told["history_is_whole"] = false is None
        return told

    _print_model(_done(one), as_json=as_json)


@app.command("models")
def list_models(as_json: JsonFlag = False) -> None:
    """The models, as `murascope models`."""
    models(as_json=as_json)


@app.command("experiments")
def list_experiments(as_json: JsonFlag = False) -> None:
    """The data sets that something was trained on, each an experiment in MLflow, with their runs by state."""

    async def tallied(workspace: "Workspace") -> dict[str, Any]:
        from assistant.runs.tally import experiments

        return {"experiments": await experiments(workspace.database)}

    told = _in_workspace(tallied)
    if as_json:
        print_json(told)
        return
    for each in told["experiments"]:
        print(f"{each['name']}\t{counted(each['runs'], 'run')}\t{each['succeeded']} succeeded")


def _in_workspace(act: "Callable[[Workspace], Coroutine[Any, Any, dict[str, Any]]]") -> dict[str, Any]:
    from assistant.workspace import Workspace

    async def done() -> dict[str, Any]:
        async with Workspace.open(settings_here()) as workspace:
            return await act(workspace)

    return asyncio.run(done())


def _done(act: "Callable[[Models], Coroutine[Any, Any, dict[str, Any]]]") -> dict[str, Any]:
    return _in_workspace(lambda workspace: act(workspace.models))


def _shares(given: list[str]) -> dict[str, float]:
    """TYPE=SHARE pairs."""
    from assistant.cli.common import give_up

    shares = {}
    for each in given:
        name, _, share = each.rpartition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            name = ""
        if not name or not 0 <= shares[name.strip()] <= 1:
            give_up(f"--max-escape-of takes TYPE=SHARE, such as scratch=0.02, not {each!r}")
    return shares


def _print_model(told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    print("\t".join([told["name"], *_parts(told), f"gate: {_gate(told['gate'])}"]))
    for version in told["versions"]:
        print(
            f"{version['reference']}\t{version['alias'] or ''}\t{version['run']}\t{_figures(version)}\t{version['note']}"
        )
    for act in told.get("history", []):
        print(f"{act['number']}\t{act['when'][:16]}\t{act['who']}\t{act['act']} {act['version'] or ''}\t{act['why']}")
    if told.get("history_is_whole") is False:
        tell("the history is not what was signed: somebody changed it, or another installation wrote it")


def _parts(model: Mapping[str, Any]) -> list[str]:
    return [f"{alias} {number}" for alias, number in model["aliases"].items() if number is not None]


def _figures(version: Mapping[str, Any]) -> str:
    metrics = version["metrics"]
    shown = ("image_auroc", "worst_type_auroc", "accuracy", "missed", "false_alarms")
    return ", ".join(f"{name.replace('_', ' ')} {metrics[name]:.4g}" for name in shown if metrics.get(name) is not None)


def _gate(gate: Mapping[str, Any] | None) -> str:
    from engine.contract.policy import percent

    if gate is None:
        return "none"
    parts = (
        [f"at most {percent(gate['max_escape'])} % of each defect type escape"]
        if gate["max_escape"] is not None
        else []
    )
    parts += [f"at most {percent(share)} % of {name}" for name, share in gate["max_escape_of"].items()]
    if gate["max_overkill"] is not None:
        parts.append(f"at most {percent(gate['max_overkill'])} % of good images fail")
    return ", ".join(parts) + (f", on {gate['data']}" if gate["data"] else "")


def _assessed(told: Mapping[str, Any]) -> Iterator[str]:
    marks = {"holds": "ok", "warns": "but", "refuses": "no", "untold": "-"}
    yield f"{told['model']}@{told['version']}\t{told.get('status', 'may be promoted' if told['may_be_promoted'] else 'must not be promoted')}"
    for check in told["checks"]:
        yield f"{marks[check['outcome']]}\t{check['about']}\t{check['message']}"


def _act(act: Any) -> dict[str, Any]:
    return {
        "number": act.number,
        "act": act.act,
        "version": act.version,
        "who": act.who,
        "why": act.why,
        "when": act.created_at.isoformat(),
        "told": act.told,
        "signature": act.signature,
    }
