"""The shapes of what comes in and goes out."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class Attempt(TypedDict, total=False):
    """What was done, and what it is held against. `answer`, `tools` and one of `teacher_tools`, `teacher_calls` are
    needed, and one of `response` (with `ended`), `messages`, `trajectory`."""

    id: Any
    response: str
    ended: bool
    messages: list[dict[str, Any]]
    trajectory: dict[str, Any]
    answer: str | float
    tools: list[Any]
    teacher_tools: list[str]
    teacher_calls: list[dict[str, Any]]
    other_teacher_tools: list[str]
    other_teacher_calls: list[dict[str, Any]]
    correct: bool
    step: int
    reward: Any


class _Part(TypedDict):
    name: str
    value: float
    weight: float
    reason: str


class Part(_Part, total=False):
    """One summand of a score: value × weight, and why."""

    turn: int
    shares: list[dict[str, Any]]


class Score(TypedDict):
    """A total, and the parts it is the sum of."""

    id: Any
    total: float
    parts: list[Part]


class ParsedCall(TypedDict):
    """A call as it was read. `status` says how far it follows its format: a reward pays for `strict`, an environment
    executes `strict` and `repaired`."""

    name: str | None
    arguments: dict[str, Any]
    status: Literal["strict", "repaired", "recoverable", "unusable"]
    faults: list[str]
    span: tuple[int, int]


class ParsedTurn(TypedDict):
    """A turn: text outside reasoning and calls, reasoning, calls."""

    text: str
    reasoning: str
    calls: list[ParsedCall]


class Comparison(TypedDict):
    """A verdict on two answers, its reason, and their normal forms."""

    verdict: Literal["equal", "different", "unknown"]
    reason: str
    gold: str
    pred: str


class AlignedPair(TypedDict):
    """A student's call beside the teacher's, by their places; how far the arguments agree, from 0 to 1."""

    student: int
    teacher: int
    agreement: float


class Node(TypedDict):
    """A place in an attempt, or (`level` `part`) what a part of the score pays there."""

    level: Literal["trajectory", "turn", "call", "argument", "part"]
    name: str
    amount: float
    value: float
    weight: float
    reason: str
    children: list[Node]


class Explanation(TypedDict):
    """The tree of a score, and which call is aligned with which of the teacher's steps."""

    tree: Node
    aligned: list[dict[str, Any]]
