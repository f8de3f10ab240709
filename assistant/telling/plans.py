"""A plan that waits for a yes, in sentences: what it trains, its settings and why, how long it takes, what to know before."""

from collections.abc import Iterator
from typing import Any

from assistant.kinds.claims import About, Claim
from assistant.plans.form import describe
from assistant.plans.plan import Plan
from prompts.figures import Figure, count


def claims_of_plan(proposal: str, plan: Plan) -> list[Claim]:
    """Of a plan that is stored under this id: its main settings, those that were asked for, and those that have a reason."""
    about, spec = About(proposal, named={"plan": proposal}), plan.spec
    return [
        about.claim("trains", "plan_trains", model=spec.title, data=spec.dataset),
        *_on_settings(about, plan),
        *_on_time(about, plan),
        *(
            about.claim(f"notice.{each.code}", "notice", code=each.code, message=each.message, told=dict(each.values))
            for each in plan.notices
        ),
    ]


def _on_settings(about: About, plan: Plan) -> Iterator[Claim]:
    for setting in describe(plan.spec, plan.because):
        asked = setting.name in plan.chosen
        if (setting.main or asked or setting.because) and setting.value is not None:
            told = {"setting": setting.name, "value": _told(setting.value)}
            why = setting.because
            if why is not None:
                because = {"code": why.code, "message": why.message, "told": dict(why.values)}
                yield about.claim(f"setting.{setting.name}", "plan_setting_because", **told, **because)
            else:
                yield about.claim(f"setting.{setting.name}", "plan_setting", **told)


def _on_time(about: About, plan: Plan) -> Iterator[Claim]:
    took, basis = Figure(plan.estimate.seconds, "seconds"), plan.estimate.basis
    if basis:
        yield about.claim("estimate", "plan_estimate", took=took, runs=count(basis))
    else:
        yield about.claim("estimate", "plan_first_guess", took=took)


def _told(value: Any) -> Any:
    """A number as a figure; what is none as it stands, a list by its parts."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Figure(value, "plain")
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
