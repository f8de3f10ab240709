"""What a search tries next: Optuna, asked anew each time from what is on record, so that a restart loses nothing.

Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011 (TPE). The storage is memory alone: the runs are the record.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assistant.plans.group import Span

DIGITS = 3  # that a number is tried with: more tell nobody anything


def suggested(
    search: Mapping[str, Span], measured: Sequence[tuple[Mapping[str, Any], float | None]], *, seed: int
) -> dict[str, Any]:
    """The settings to try next. `measured`: what was tried with the figure it reached, greater is better; None where it has none."""
    import optuna  # slow to load, and needed by a search alone

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spans = {name: _distribution(optuna.distributions, span) for name, span in search.items()}
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=4))
    for settings, figure in measured:
        known = {name: settings[name] for name in spans if name in settings}
        if len(known) == len(spans) and all(search[name].low <= known[name] <= search[name].high for name in known):
            state = optuna.trial.TrialState.COMPLETE if figure is not None else optuna.trial.TrialState.FAIL
            study.add_trial(optuna.trial.create_trial(state=state, params=known, distributions=spans, value=figure))
    asked = study.ask(fixed_distributions=spans).params
    return {name: _rounded(value, search[name]) for name, value in asked.items()}


def _distribution(distributions: Any, span: Span) -> Any:
    if span.whole:
        return distributions.IntDistribution(int(span.low), int(span.high), log=span.log)
    return distributions.FloatDistribution(span.low, span.high, log=span.log)


def _rounded(value: float, span: Span) -> float | int:
    if span.whole:
        return int(value)
    return min(max(float(f"{value:.{DIGITS}g}"), span.low), span.high)
