"""A group of runs as lines: how far it is with the best so far, and each trial that has ended."""

from assistant.cli.terminal.words import Words
from assistant.groups.told import GroupTold, TrialTold
from engine.contract.jobs import every_model
from prompts.durations import duration


def progress_line(group: GroupTold, words: Words) -> str:
    """Where it is now."""
    page = words.page
    parts = [group.group, page("group.done", done=group.done, count=group.total)]
    parts += [page("group.best_so_far", run=each.best) for each in group.verdicts if each.best is not None]
    return " · ".join(parts)


def trial_line(group: GroupTold, trial: TrialTold, words: Words) -> str:
    """A trial that has ended: in what it differs, and what it came to."""
    page = words.page
    parts = [f"{trial.number}/{group.total} {trial.run}"]
    for name, value in trial.differs.items():
        model = every_model().get(str(value)) if name == "model" else None
        said = model.title if model is not None else page.choice(name, value)
        parts.append(f"{page.coded('setting', name, {}, name)} {said}")
    figures = trial.figures
    if trial.cut is not None:
        parts.append(page(f"group.cut.{trial.cut}"))
    elif figures is None:
        parts.append(": ".join(each for each in (page(f"group.trial.{trial.state}"), trial.reason) if each))
    else:
        if figures.worst is not None:
            parts.append(f"{page('group.worst')} {figures.worst:.3f} ({figures.worst_of})")
        if figures.mean is not None:
            parts.append(f"{page('group.mean')} {figures.mean:.3f}")
        if figures.missed is not None:
            parts.append(f"{page('group.missed')} {figures.missed[0]}/{figures.missed[1]}")
        if figures.overkill is not None:
            parts.append(f"{page('metric.overkill')} {figures.overkill[0]}/{figures.overkill[1]}")
    if trial.seconds is not None:
        parts.append(duration(trial.seconds, words.language))
    return "  " + " · ".join(parts)
