"""MENTOR's rewards, tool-call parsers and answer checks.

>>> attempt = {"response": r"It is \\boxed{0.5}.", "ended": True, "answer": "1/2", "tools": [], "teacher_tools": []}
>>> score(attempt, "binary")["total"]
1.0

An attempt is a dictionary: what was done (`response` with `ended`, or `messages`, or `trajectory`), and what it is held
against (`answer`, `tools`, `teacher_tools` or `teacher_calls`). A reward is a preset's name, a table as TOML text or as a
dictionary, or a `Reward`. Batches are scored on all cores without the GIL. A mistake in the data is a `ValueError` that
names the field; what a model wrote never is.

Adapters, one module each: `mentor_py.trl`, `mentor_py.verl`, `mentor_py.openrlhf`, `mentor_py.verifiers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._native import Reward, __version__, align_calls, compare_answers, formats, last_boxed, parse_all, presets
from ._types import AlignedPair, Attempt, Comparison, Explanation, Node, ParsedCall, ParsedTurn, Part, Score

__all__ = [
    "AlignedPair",
    "Attempt",
    "Comparison",
    "Explanation",
    "Node",
    "ParsedCall",
    "ParsedTurn",
    "Part",
    "Reward",
    "Score",
    "__version__",
    "align",
    "answers_equal",
    "compare_answers",
    "explain",
    "formats",
    "last_boxed",
    "parse",
    "parse_all",
    "presets",
    "score",
    "score_all",
]

RewardLike = Reward | str | Mapping[str, Any]


def parse(text: str, format: str = "hermes", tools: Sequence[Mapping[str, Any]] | None = None) -> ParsedTurn:
    """Read the tool calls of one assistant's turn; `formats()` lists the formats. Never fails on a model's text."""
    return parse_all([text], format, tools)[0]


def score(attempt: Mapping[str, Any], reward: RewardLike = "mentor") -> Score:
    """Score one attempt."""
    return Reward(reward).score([attempt])[0]


def score_all(attempts: Iterable[Mapping[str, Any]], reward: RewardLike = "mentor") -> list[Score]:
    """Score attempts, in parallel and in order. An attempt's own `reward` goes before `reward`."""
    return Reward(reward).score(list(attempts))


def explain(attempt: Mapping[str, Any], reward: RewardLike = "mentor") -> Explanation:
    """The score of an attempt as a tree: trajectory, turns, calls, arguments. Leaves add up to the total."""
    return Reward(reward).explain(attempt)


def answers_equal(gold: str, pred: str, tolerance: float | None = None) -> bool:
    """Whether two answers, as they stand in a box, are certainly equal as mathematics."""
    return compare_answers([(gold, pred)], tolerance)[0]["verdict"] == "equal"


def align(student: Sequence[Mapping[str, Any]], teacher: Sequence[Mapping[str, Any]]) -> list[AlignedPair]:
    """Align a student's calls with a teacher's: the longest common subsequence of names, best arguments first.

    Calls are `{"name", "arguments"}`.
    """
    return align_calls(student, teacher)
