"""The conversation in a terminal: what is typed is said, what is said is shown, and what runs is told of."""

import asyncio
import contextlib
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from assistant.chat.conversation import Conversation
from assistant.chat.frame_refused import FrameRefused
from assistant.chat.group_ends import end_key
from assistant.chat.run_ends import summary_key
from assistant.cli.terminal.cards import lines_of, numbered, plain, plain_so_far
from assistant.cli.terminal.groups import progress_line, trial_line
from assistant.cli.terminal.progress import Progress
from assistant.cli.terminal.screen import Screen
from assistant.cli.terminal.words import Words
from assistant.frames import (
    LONGEST_MESSAGE,
    Answer,
    AssistantItem,
    ChoicesItem,
    ConfirmItem,
    DeltaFrame,
    GroupItem,
    InFrame,
    Item,
    ProposalItem,
    RunItem,
    Say,
    Stop,
    ToolItem,
    UserItem,
)
from assistant.groups.told import group_told
from assistant.runs.groups import is_group
from assistant.runs.place import RunElsewhere
from assistant.settings import Settings
from assistant.store.tables import ACTIVE, ENDED
from assistant.workspace import Workspace
from engine.contract.events import DamagedLog
from prompts.languages import Language

HISTORY = "chat_history"  # in the home folder
LOOK_SECONDS = 0.5  # how often it is looked for what another process told in the conversation
LAST_WORDS_S = 120.0  # that are waited for when a run has ended; an LLM may write them
EXIT_CODES = {"failed": 1, "stopped": 3}  # as those of murascope train


async def talk_here(settings: Settings, conversation: str | None, language: Language) -> int:
    """Talk until the person leaves, or there is nothing more to read. Returns the exit code: 1 where a run of it failed, 3 where one
    was stopped, else 0.

    Trainings are supervised here while this goes on. A server on the same home does the same: whoever sees a run first starts it, and both
    watch it (assistant/runs/supervisor.py).
    """
    words = Words(language)
    async with Workspace.open(settings) as workspace:
        rooms = workspace.conversations
        room = await rooms.get(conversation) if conversation is not None else await rooms.create(language)
        async with workspace.working(), Screen.open(settings.home / HISTORY, mask=workspace.mask.text) as screen:
            return await Talk(workspace, room, screen, words).hold()


class Talk:
    """One conversation on one screen."""

    def __init__(self, workspace: Workspace, room: Conversation, screen: Screen, words: Words):
        self._workspace, self._room, self._screen, self._words = workspace, room, screen, words
        self._seen = 0  # the revision up to which all is shown
        self._shown: dict[str, Item] = {}
        self._grown: dict[str, str] = {}  # of an answer that is being written, what is on the screen
        self._own: set[str] = set()  # keys of what was typed here
        self._choices: list[InFrame] = []  # what a number says
        self._runs: dict[str, asyncio.Task[None]] = {}  # those that are followed
        self._lines: dict[str, str] = {}  # their progress
        self._drawing = asyncio.Lock()
        self._leaving, self._was_pressed = asyncio.Event(), False
        self._reading: asyncio.Task[str | None] | None = None

    async def hold(self) -> int:
        """Show what was said before, then talk."""
        self._greet()
        async with self._listening(), self._interruptions():
            await self._look()
            await self._converse()
            for task in self._runs.values():
                task.cancel()
            await asyncio.gather(*self._runs.values(), return_exceptions=True)
        if self._screen.is_terminal and self._shown:
            self._screen.status("")
            self._screen.line(self._words("come_back", id=self._room.id))
        return await self._exit_code()

    def _greet(self) -> None:
        provider, page = self._workspace.provider, self._words.page
        who = (
            page("provider.builtin")
            if provider.name == "built-in"
            else f"{provider.label}: {page('provider.sends', host=provider.sends_data_to)}"
        )
        for line in (who, self._words("hello")) if self._screen.is_terminal else ():
            self._screen.line(line)

    # ---- talking ----

    async def _converse(self) -> None:
        while True:
            line = await self._next_line()
            if line is None:
                if await self._may_leave():
                    return
                self._leaving.clear()
            elif line.strip():
                self._was_pressed = False
                text = line.strip().encode(errors="replace").decode()  # a byte that is no letter is shown as one
                if len(text) > LONGEST_MESSAGE:
                    self._screen.line(self._words.page("refused.too_long"))
                else:
                    await self._send(self._meant(text))

    async def _next_line(self) -> str | None:
        """What is typed next; None where there is no more, or the person wants to leave."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._screen.read())
        leaving = asyncio.create_task(self._leaving.wait())
        await asyncio.wait([self._reading, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if self._leaving.is_set():
            return None
        line, self._reading = self._reading.result(), None
        return line

    def _meant(self, line: str) -> InFrame:
        """A number means the choice that has it, where there are some."""
        place = int(line) - 1 if line.isascii() and line.isdigit() else -1
        if 0 <= place < len(self._choices):
            return self._choices[place]
        return Say(text=line)

    async def _send(self, frame: InFrame) -> None:
        """Hand it to the conversation, and wait until it is answered or the person wants to leave."""
        if isinstance(frame, Say):
            frame = frame.model_copy(update={"key": secrets.token_hex(6)})
            self._own.add(f"user-{frame.key}")
        self._choices = []
        try:
            await self._room.receive(frame, self._words.language)
        except FrameRefused as refused:
            self._screen.line(self._words.page.coded("refused", refused.code, refused.values, refused.message))
        answered = asyncio.create_task(self._room.finish())
        leaving = asyncio.create_task(self._leaving.wait())
        await asyncio.wait([answered, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        await self._look()

    # ---- leaving ----

    @asynccontextmanager
    async def _interruptions(self) -> AsyncIterator[None]:
        """Ctrl+C stops the answer; the second one leaves."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        loop.add_signal_handler(signal.SIGTERM, self._leaving.set)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)

    def _interrupted(self) -> None:
        if self._was_pressed:
            self._leaving.set()
            return
        self._was_pressed = True
        if self._room.working:
            self._stopping = asyncio.create_task(self._room.receive(Stop(), self._words.language))
        self._screen.line(self._words("once_more"))

    async def _may_leave(self) -> bool:
        """What becomes of a training that is under way: it is asked, and where nobody can be asked, waited for to its end."""
        told_of = [run for run, task in self._runs.items() if not task.done()]
        running = [row.id for row in await self._workspace.runs.some(told_of) if row.state in ACTIVE]
        running += [row.id for row in await self._workspace.groups.under_way() if row.id in told_of]
        if not running or not self._screen.is_terminal:
            return await self._wait_for(told_of)
        self._leaving.clear()
        for line in (
            self._words("still_runs", runs=", ".join(running)),
            *numbered([self._words(each) for each in ("let_go_on", "stop_it", "stay")]),
        ):
            self._screen.line(line)
        answer = await self._next_line()
        if answer is not None and answer.strip() == "2":
            for run in running:
                await (self._workspace.groups if is_group(run) else self._workspace.runs).stop(run)
            return await self._wait_for(running)
        if answer is not None and answer.strip() not in ("", "1"):
            self._was_pressed = False
            return False
        self._screen.line(self._words("goes_on", run=", ".join(running), id=self._room.id))
        return True

    async def _wait_for(self, runs: Sequence[str]) -> bool:
        """Wait until they have ended and were told of, or the person wants to leave all the same."""
        if not runs:
            return True
        self._leaving.clear()
        ended = asyncio.gather(*(self._runs[run] for run in runs))
        leaving = asyncio.create_task(self._leaving.wait())
        both: list[asyncio.Future[Any]] = [ended, leaving]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not ended.done():
            ended.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ended
            self._screen.line(self._words("goes_on", run=", ".join(runs), id=self._room.id))
        return True

    async def _exit_code(self) -> int:
        rows = await self._workspace.runs.some([*self._runs])
        return next((EXIT_CODES[row.state] for row in rows if row.state in EXIT_CODES), 0)

    # ---- showing ----

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Show what is new as it comes, from here and from another process that works on the same home."""
        async with self._room.subscribe() as live:

            async def listen() -> None:
                async for frame in live:
                    if isinstance(frame, DeltaFrame):
                        async with self._drawing:
                            self._grow(frame.key, plain_so_far(frame.text))
                    else:
                        await self._look()

            tasks = [asyncio.create_task(listen()), asyncio.create_task(self._every(LOOK_SECONDS, self._look))]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await act()

    async def _look(self) -> None:
        """Show what changed since the last look, in the order in which it did."""
        async with self._drawing:
            for key, revision, item in sorted(await self._room.items(after=self._seen), key=lambda each: each[1]):
                self._seen = max(self._seen, revision)
                await self._show(key, item)

    async def _show(self, key: str, item: Item) -> None:
        before, self._shown[key] = self._shown.get(key), item
        if item == before or (key in self._own and self._screen.is_terminal and isinstance(item, UserItem)):
            return
        match item:
            case AssistantItem(state="streaming"):
                self._grow(key, plain_so_far(item.text))
                return
            case AssistantItem() if key in self._grown:
                self._grow(key, plain(item.text))
                self._screen.finish_line()
                del self._grown[key]
                return
            case ToolItem(state="running"):
                self._set_line(key, lines_of(item, self._words)[0].strip())
                return
            case ProposalItem() if isinstance(before, ProposalItem) and _decides(before) == _decides(item):
                return
            case RunItem():
                await self._follow(item.run)
            case GroupItem():
                await self._follow_group(item.group)
        self._set_line(key, "")
        self._offer(item)
        for line in lines_of(item, self._words):
            self._screen.line(line)

    def _grow(self, key: str, text: str) -> None:
        """More of an answer; one that became another is written anew."""
        before = self._grown.get(key, "")
        if not text.startswith(before):
            self._screen.finish_line()
            before = ""
        self._grown[key] = text
        self._screen.grow(text[len(before) :])

    def _offer(self, item: Item) -> None:
        """What a number says from here on."""
        match item:
            case ConfirmItem(state="open"):
                self._choices = [Answer(call=item.call, yes=True), Answer(call=item.call, yes=False)]
            case ChoicesItem(state="open"):
                self._choices = [Say(text=each) for each in item.choices]

    def _set_line(self, key: str, line: str) -> None:
        """The progress of a run or a tool, one beside the other."""
        if line:
            self._lines[key] = line
        else:
            self._lines.pop(key, None)
        self._screen.status(" | ".join(self._lines.values()))

    async def _follow(self, run: str) -> None:
        """Tell how the run goes on, until it has ended and its end was told."""
        if run not in self._runs and (await self._workspace.runs.get(run)).state in ACTIVE:
            self._runs[run] = asyncio.create_task(self._tell_of(run))

    async def _follow_group(self, group: str) -> None:
        """The same of a group of runs."""
        if group not in self._runs and (await self._workspace.groups.get(group)).ended is None:
            self._runs[group] = asyncio.create_task(self._tell_of_group(group))

    async def _tell_of_group(self, group: str) -> None:
        told_of: set[int] = set()
        while True:
            told = await group_told(self._workspace.runs, await self._workspace.groups.get(group))
            for trial in told.trials:
                if trial.state in ENDED and trial.number not in told_of:
                    told_of.add(trial.number)
                    self._screen.line(trial_line(told, trial, self._words))
            if told.state != "running":
                break
            self._set_line(group, progress_line(told, self._words))
            await asyncio.sleep(LOOK_SECONDS)
        self._set_line(group, "")
        await self._until_told(end_key(group))

    async def _tell_of(self, run: str) -> None:
        progress = Progress(run, self._words)
        try:
            self._set_line(run, progress.line)
            async for event in self._workspace.runs.follow(run):
                milestone = progress.take(event)
                if milestone is not None and not self._screen.is_terminal:
                    self._screen.line(milestone)
                self._set_line(run, progress.line)
        except (DamagedLog, RunElsewhere):  # the end on record is told all the same
            pass
        finally:
            self._set_line(run, "")
        await self._until_told(summary_key(run))

    async def _until_told(self, key: str) -> None:
        """Until its end was told."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                while key not in self._shown:
                    await asyncio.sleep(LOOK_SECONDS / 5)


def _decides(item: ProposalItem) -> object:
    """What of a plan's card is worth showing again."""
    return item.model_dump(exclude={"estimate"})
