"""The events of a run as one line: its stage, how far it is there, and how long that takes."""

from assistant.cli.terminal.words import Words
from engine.contract.events import Batches, Collection, Epoch, Event, Fitting, Stage, Warned
from prompts.durations import duration

LINES_OF_EPOCHS = 10  # that plain lines tell of a training


class Progress:
    """`line` is where the run is now. `take` gives what plain lines, and not only a line that changes, tell of an event."""

    def __init__(self, run: str, words: Words):
        self._run, self._words = run, words
        self._stage, self._step, self._left = words.page("run.starting"), "", ""

    @property
    def line(self) -> str:
        return " · ".join(each for each in (self._run, self._stage, self._step, self._left) if each)

    def take(self, event: Event) -> str | None:
        """Take an event in; returns a line for a milestone, None for what is one of many."""
        words, page = self._words, self._words.page
        match event:
            case Stage():
                number = event.stages.index(event.name) + 1 if event.name in event.stages else 1
                name = page.coded("stage", event.name, {}, event.name)
                self._stage = words("stage", name=name, number=number, count=len(event.stages))
                self._step = self._left = ""
                return self.line
            case Warned():
                return f"! {page.coded('notice', event.code, event.values, event.message)}"
            case Epoch():
                epoch = page("run.epoch", epoch=event.epoch, epochs=event.epochs)
                self._set(f"{epoch} · {words('epoch_loss', loss=f'{event.loss:.4g}')}", event.eta_s)
                every = max(event.epochs // LINES_OF_EPOCHS, 1)
                return self.line if event.epoch % every == 0 or event.epoch == event.epochs else None
            case Collection():
                self._set(page("run.images", done=event.images, total=event.total_images), event.eta_s)
            case Fitting():
                values = {"done": event.done, "total": event.total}
                self._set(
                    page.coded("run", event.what, values, f"{event.what} {event.done}/{event.total}"), event.eta_s
                )
            case Batches():
                what = event.what if event.what in ("validating", "writing") else "images"
                step = page(f"run.{what}", done=event.done, total=event.total)
                self._set(step, event.eta_s)
        return None

    def _set(self, step: str, seconds_left: float | None) -> None:
        page, language = self._words.page, self._words.language
        self._step = step
        self._left = "" if seconds_left is None else page("run.left", time=duration(seconds_left, language))
