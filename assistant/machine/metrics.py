"""What a server measures of itself, for Prometheus: turns, requests, sockets, and how late its event loop is.

Labels come from closed sets (routes, states, languages, providers), never an id, a name or an address: what a server keeps in memory and
what Prometheus stores does not grow with use. Runs are not counted here: the database knows them (assistant/runs/tally.py).
"""

import asyncio
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

Outcome = Literal["answered", "stopped", "failed"]
Predicted = Literal["judged", "broken", "failed", "busy"]

TURN_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600)
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
PREDICTION_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120)
LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
BETWEEN_LOOKS_S = 0.5  # at the event loop


class Metrics:
    """The metrics of one server; `registry` holds them."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody needs
        self.registry = CollectorRegistry()
        self._turns = Histogram(
            "murascope_turn_seconds",
            "Turns of the assistant, from a message to the end of its answer",
            ["language", "provider", "outcome"],
            buckets=TURN_SECONDS,
            registry=self.registry,
        )
        self._requests = Counter(
            "murascope_http_requests", "HTTP requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._request_seconds = Histogram(
            "murascope_http_request_seconds",
            "Time to the last byte of the answers to HTTP requests",
            ["method", "route"],
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )
        self._sockets = Gauge("murascope_websockets", "Open WebSocket connections", ["route"], registry=self.registry)
        self._lag = Histogram(
            "murascope_event_loop_lag_seconds",
            "How much later than asked the event loop went on",
            buckets=LAG_SECONDS,
            registry=self.registry,
        )

        self._predictions = Counter(
            "murascope_predictions", "Pictures that models were asked about", ["outcome"], registry=self.registry
        )
        self._prediction_seconds = Histogram(
            "murascope_prediction_seconds",
            "From a picture taken to what its model says of it",
            buckets=PREDICTION_SECONDS,
            registry=self.registry,
        )
        self._serving_waits = Gauge(
            "murascope_serving_waiting", "Pictures that wait for a model, or are being judged", registry=self.registry
        )
        self._serving_workers = Gauge("murascope_serving_models", "Models that are warm", registry=self.registry)

    def prediction(self, outcome: Predicted, *, seconds: float) -> None:
        self._predictions.labels(outcome).inc()
        self._prediction_seconds.observe(seconds)

    def predictions(self, outcome: Predicted, count: int) -> None:
        self._predictions.labels(outcome).inc(count)

    def serving_waits(self, change: int) -> None:
        self._serving_waits.inc(change)

    def serving_workers(self, count: int) -> None:
        self._serving_workers.set(count)

    def turn(self, *, language: str, provider: str, outcome: Outcome, seconds: float) -> None:
        self._turns.labels(language, provider, outcome).observe(seconds)

    def request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def socket_opened(self, route: str) -> None:
        self._sockets.labels(route).inc()

    def socket_closed(self, route: str) -> None:
        self._sockets.labels(route).dec()

    async def watch_event_loop(self) -> None:
        """Notes, until it is cancelled, how late the loop is."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BETWEEN_LOOKS_S
            await asyncio.sleep(BETWEEN_LOOKS_S)
            self._lag.observe(max(loop.time() - due, 0.0))
