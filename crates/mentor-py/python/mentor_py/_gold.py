"""What the adapters share: rewards by name, and the gold side of a sample wherever an engine puts it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mentor_py import Reward

#: The keys of the gold side.
KEYS = (
    "answer",
    "tools",
    "teacher_tools",
    "teacher_calls",
    "other_teacher_tools",
    "other_teacher_calls",
    "correct",
    "reward",
)


@lru_cache(maxsize=16)
def table(reward: str) -> Reward:
    """A reward by a preset's name, TOML text, or the path of a TOML file: what a configuration can hold. Read once."""
    return Reward.from_file(reward) if reward.endswith(".toml") else Reward(reward)


def gold(given: Any) -> dict[str, Any]:
    """The gold side from a plain answer, a dictionary, or a string of JSON that holds one."""
    if isinstance(given, str) and given.lstrip().startswith("{"):
        try:
            given = json.loads(given)
        except json.JSONDecodeError:
            # An answer may well begin with a brace: a set.
            pass
    if isinstance(given, Mapping):
        found = {key: plain(given[key]) for key in KEYS if given.get(key) is not None}
    else:
        found = {"answer": plain(given)}
    return found


def complete(found: dict[str, Any]) -> dict[str, Any]:
    """With nothing on offer and no call of the teacher where nothing is said of them."""
    found.setdefault("tools", [])
    if "teacher_calls" not in found:
        found.setdefault("teacher_tools", [])
    return found


def plain(value: Any) -> Any:
    """Without NumPy: engines keep columns as arrays of objects. Tuples become lists."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        # Arrow fills the arguments that a call does not have with nothing.
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
