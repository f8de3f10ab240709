"""For those who run a server: is it alive, can it do its work, and what does it do. No login, like every page; no id and no name."""

import asyncio
from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from assistant.machine.troubles import EXPECTED, report
from assistant.runs.tally import Spread, Tally, tally
from web.readiness import Readiness
from web.routes.workspace import Opened

router = APIRouter()


@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers. It looks at nothing else: who restarts a server for this must not do so because a database is away."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(request: Request) -> Response:
    """Whether it can do its work now; 503 with the reasons where not."""
    readiness: Readiness = request.app.state.readiness
    reasons = await readiness.reasons()
    status = "not ready" if reasons else "ready"
    return JSONResponse({"status": status, "reasons": reasons}, 503 if reasons else 200)


@router.get("/metrics")
async def metrics(workspace: Opened) -> Response:
    """In the text format of Prometheus. Of a database that does not answer it is said that it does not; the rest is told all the same."""
    try:
        counted = await tally(workspace.database)
    except EXPECTED as error:
        report(error, what="counting runs for /metrics")
        counted = None
    text = await asyncio.to_thread(_as_text, counted, workspace.metrics.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _as_text(counted: Tally | None, measured: CollectorRegistry) -> bytes:
    """What was counted, what the server measured, and its process: CPU, memory, open files. Reads /proc."""
    registry = CollectorRegistry()
    registry.register(Counted(counted))
    ProcessCollector(registry=registry)
    return generate_latest(registry) + generate_latest(measured)


class Counted(Collector):
    """What the database counts, as metrics."""

    def __init__(self, counted: Tally | None):
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        is_up = float(self._counted is not None)
        yield GaugeMetricFamily("murascope_database_up", "Whether the database answers: 1 or 0", value=is_up)
        if self._counted is None:
            return
        states = GaugeMetricFamily(
            "murascope_runs", "Runs by kind and state, deleted ones too", labels=["kind", "state"]
        )
        for kind, state, count in self._counted.states:
            states.add_metric([kind, state], count)
        yield states
        attempts = CounterMetricFamily(
            "murascope_attempts", "Attempts of runs that ended, by outcome", labels=["outcome"]
        )
        for outcome, count in self._counted.attempts:
            attempts.add_metric([outcome], count)
        yield attempts
        yield _histogram(
            "murascope_queue_wait_seconds", "From asked for to first submitted", ["kind"], self._counted.waits
        )
        yield _histogram("murascope_training_seconds", "Work of ended runs", ["kind", "state"], self._counted.works)


def _histogram(name: str, what: str, labels: list[str], spreads: Iterable[Spread]) -> Metric:
    family = HistogramMetricFamily(name, what, labels=labels)
    for spread in spreads:
        buckets = [(f"{float(bound)}", float(count)) for bound, count in spread.at_most]
        family.add_metric(spread.labels, [*buckets, ("+Inf", float(spread.count))], spread.sum_s)
    return family
