"""A real trace of verifiers, where the package is installed."""

from __future__ import annotations

import pytest
from mentor_py import Reward
from mentor_py.verifiers import trace_reward

from samples import GOLD

vf = pytest.importorskip("verifiers.v1")


def test_a_task_is_rewarded_by_its_trace() -> None:
    import asyncio

    from verifiers.v1.graph import MessageNode
    from verifiers.v1.trace import AgentInfo, TraceTask
    from verifiers.v1.types import AssistantMessage, Tool, ToolCall, ToolMessage, UserMessage

    class Data(vf.TaskData):
        answer: str
        teacher_tools: list[str]

    class Task(vf.Task[Data]):
        @vf.reward(weight=1.0)
        async def mentor(self, trace: vf.Trace) -> float:
            return trace_reward(trace, "mentor")

    data = Data(prompt="2 + 3?", answer="5", teacher_tools=["add"])
    messages = [
        UserMessage(content="2 + 3?"),
        AssistantMessage(content="I add.", tool_calls=[ToolCall(id="1", name="add", arguments='{"a": 2, "b": 3}')]),
        ToolMessage(tool_call_id="1", content="5"),
        AssistantMessage(content=r"It is \boxed{5}."),
    ]
    nodes = [
        MessageNode(parent=place - 1 if place else None, message=message, sampled=message.role == "assistant")
        for place, message in enumerate(messages)
    ]
    trace = vf.Trace(
        task=TraceTask(type="Task", data=data),
        agent=AgentInfo(config={}),
        tools=[Tool(name=name) for name in GOLD["tools"]],
        nodes=nodes,
    )
    best = Reward("process").maximum
    assert trace_reward(trace, "process", teacher_calls=GOLD["teacher_calls"]) == best
    assert asyncio.run(Task.mentor(None, trace)) == 1.1  # type: ignore[arg-type]
    assert trace.metrics["mentor/correct"] == 0.7
