"""One right and some wrong attempts at one task, in the forms the engines have."""

from __future__ import annotations

from typing import Any

CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 2, "b": 3}}\n</tool_call>'
RIGHT = (
    f"I add.\n{CALL}<|im_end|>\n<|im_start|>user\n<tool_response>\n5\n</tool_response><|im_end|>\n"
    "<|im_start|>assistant\nIt is \\boxed{5}."
)
WRONG = "It is \\boxed{6}."
BLANK = "I do not know."

GOLD: dict[str, Any] = {
    "answer": "5",
    "tools": ["add", "subtract"],
    "teacher_calls": [{"name": "add", "arguments": {"a": 2, "b": 3}}],
}

MESSAGES: list[dict[str, Any]] = [
    {
        "role": "assistant",
        "content": "I add.",
        "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 3}}}],
    },
    {"role": "tool", "name": "add", "content": "5"},
    {"role": "assistant", "content": "It is \\boxed{5}."},
]


def attempt(response: str, **more: Any) -> dict[str, Any]:
    return {"response": response, "ended": True, **GOLD, **more}
