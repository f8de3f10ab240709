"""`murascope feedback`: what people said of judged pictures, and the data set that is made of them."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from assistant.cli.common import JsonFlag, give_up, print_json, settings_here
from prompts.figures import counted


def feedback(
    reference: Annotated[str, typer.Argument(help="A finished run, such as r12, or a model: panels@champion.")],
    dataset: Annotated[
        str | None, typer.Option(help="Name of a data set to be made of the pictures that people reviewed.")
    ] = None,
    with_training_data: Annotated[
        bool, typer.Option("--with-training-data", help="With the images that the model was trained and tested on.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Tell what people said of the pictures that a model judged: false alarms, misses, and thresholds that would agree; or make a data set of them."""
    if with_training_data and dataset is None:
        give_up("--with-training-data belongs to a data set that is to be made: name it with --dataset")
    told = asyncio.run(_told(reference, dataset, with_training_data=with_training_data))
    if as_json:
        print_json(told)
        return
    for line in _reviewed(told) if dataset is None else _made(reference, told):
        print(line)


async def _told(reference: str, dataset: str | None, *, with_training_data: bool) -> dict[str, Any]:
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        models = workspace.models
        if dataset is None:
            return (await models.reviewed(reference)).told()
        return (await models.make_dataset(reference, dataset, with_training_data=with_training_data)).told()


def _reviewed(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"good\t{counted(told['good'], 'picture')}, {told['false_alarms']} flagged"
    yield f"defective\t{counted(told['defective'], 'picture')}, {told['missed']} missed"
    yield f"kept\t{told['kept']} of {counted(told['pictures'], 'picture')}, of all versions"
    for each in told["proposals"]:
        agrees = "no good picture is flagged" if each["what"] == "let_pass" else "no defective picture passes"
        yield f"threshold {each['value']:.5g}\t{agrees}; tested: {_costs(each['then'])}, instead of {_costs(each['now'])}"


def _costs(costs: Mapping[str, Any]) -> str:
    missed, alarms = (costs[name] if costs[name] is not None else "unknown" for name in ("missed", "false_alarms"))
    return f"missed {missed}, false alarms {alarms}"


def _made(reference: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{told['dataset']}: {counted(told['train_good'], 'good image')} to learn from; to test with, {told['test_good']} good and "
        f"{told['test_defective']} defective"
    )
    yield f"  reviewed\t{told['good']} good, {told['defective']} defective, {told['with_region']} with a region"
    if told["gone"]:
        yield f"  left out\t{counted(told['gone'], 'reviewed picture')}: not kept"
    if told["changed"]:
        yield f"  changed\t{told['joined']} has other images than {reference} learnt from"
    if told["learn"]:
        yield f"  next\t{told['learn']['command']}"
