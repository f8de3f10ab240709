"""The agent: one for every provider. Instructions, tools and limits; the model is given at each turn."""

from functools import cache

from pydantic_ai import Agent, DeferredToolRequests, RunContext, UsageLimits

from assistant.llm.summaries import LANGUAGE_NAMES
from assistant.offline.model import MODEL_NAME as BUILT_IN
from assistant.tools.desk import Desk
from assistant.tools.loading import load_tools
from prompts.rendering import render

LIMITS = UsageLimits(request_limit=12, tool_calls_limit=20)
TURN_TIMEOUT_S = 900
SHOWN_RUNS = 5

MurascopeAgent = Agent[Desk, str | DeferredToolRequests]


@cache
def make_agent() -> MurascopeAgent:
    """The agent with its tools. Names of data sets come after the fixed rules, so that providers can cache those."""
    agent: MurascopeAgent = Agent(
        name="murascope",
        deps_type=Desk,
        output_type=[str, DeferredToolRequests],
        tools=load_tools(),
        instructions=render("agent/rules.md.j2"),
    )

    @agent.instructions
    async def context(ctx: RunContext[Desk]) -> str:
        if ctx.model.model_name == BUILT_IN:
            return ""  # it reads what it needs itself
        desk = ctx.deps
        runs = await desk.runs.list(conversation=desk.conversation, limit=SHOWN_RUNS)
        return render(
            "agent/context.md.j2",
            language=LANGUAGE_NAMES[desk.language],
            datasets=await desk.datasets.names(),
            runs=[{"run": run.id, "state": run.state, "dataset": run.dataset, "model": run.subject} for run in runs],
            state=(await desk.memory.state()).told(),
        )

    return agent
