"""Which registered model is meant: by its name, by the data that its versions were trained on, as the only one there is, or as that of the
run that the conversation spoke of last."""

from assistant.models.registry import Model, UnknownModel
from assistant.tools.desk import Desk


async def model_meant(desk: Desk, registered: str | None) -> Model:
    """
    Raises:
        ModelRetry: there is no such model, or nobody knows which of several; then it is asked.
    """
    models = await desk.models.registry.list()
    if not models:
        raise desk.refuse("no_models", "no model is registered yet: register a finished training first")
    if registered is not None:
        try:
            return await desk.models.registry.get(registered)
        except UnknownModel as error:
            of_data = [model for model in models if registered.casefold() in _data_of(model)]
            if len(of_data) == 1:
                return of_data[0]
            known = ", ".join(model.row.name for model in models)
            raise desk.refuse("unknown_model", str(error), name=registered, known=known) from None
    if len(models) == 1:
        return models[0]
    for run in (await desk.memory.state()).runs:  # whose model was registered last, of those that were spoken of
        of_run = [(each.row.created_at, model) for model in models for each in model.versions if each.row.run == run]
        if of_run:
            return max(of_run, key=lambda found: found[0])[1]
    names = [model.row.name for model in models]
    raise desk.ask("which_model", "several models are registered: which one?", missing="registered", among=names)


def _data_of(model: Model) -> set[str]:
    return {version.facts.dataset.casefold() for version in model.versions}
