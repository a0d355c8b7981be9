"""verifiers (0.4): a task's reward from its trace.

    import verifiers.v1 as vf
    from mentor_py.verifiers import trace_reward

    class MyTask(vf.Task[MyData]):
        @vf.reward(weight=1.0)
        async def mentor(self, trace: vf.Trace) -> float:
            return trace_reward(trace, "mentor")

The gold side is what the task's data has of `answer`, `teacher_tools`, `teacher_calls`, or is given by name; the tools on
offer are the trace's.
"""

from __future__ import annotations

from typing import Any

from . import Reward, RewardLike, Score
from ._gold import KEYS, complete, plain

__all__ = ["trace_reward", "trace_score"]


def trace_score(trace: Any, reward: RewardLike = "mentor", **given: Any) -> Score:
    """The score of a `vf.Trace`; keys of the gold side may be given by name, and go before those of the task's data."""
    data = trace.task.data
    found = {key: plain(getattr(data, key)) for key in KEYS if getattr(data, key, None) is not None}
    found.update({key: plain(value) for key, value in given.items()})
    found.setdefault("tools", [tool.name for tool in trace.tools])
    messages = [message.model_dump() for message in _completion(trace)]
    attempt = {**complete(found), "messages": messages, "ended": not trace.is_truncated}
    return Reward(reward).score([attempt])[0]


def _completion(trace: Any) -> list[Any]:
    """The messages of the last branch from the first that the model wrote."""
    branches = trace.branches
    nodes = branches[-1].nodes if branches else []
    first = next((place for place, node in enumerate(nodes) if node.sampled), len(nodes))
    return [node.message for node in nodes[first:]]


def trace_reward(trace: Any, reward: RewardLike = "mentor", **given: Any) -> float:
    """The total of `trace_score`; what each part brought is recorded as a metric of the trace, the same ones every time."""
    table = Reward(reward)
    score = trace_score(trace, table, **given)
    brought = {part["name"]: part["value"] * part["weight"] for part in score["parts"]}
    trace.record_metrics({f"{table.name}/{name}": brought.get(name, 0.0) for name in table.parts})
    return score["total"]
