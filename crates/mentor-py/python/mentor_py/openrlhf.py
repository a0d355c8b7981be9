"""OpenRLHF (0.11): a reward function in a file.

    --reward.remote_url /path/to/site-packages/mentor_py/openrlhf.py

(`python -m mentor_py.openrlhf` prints that path.) The reward is the preset that the environment variable `MENTOR_REWARD` names,
or the TOML file it points to; `mentor` unless set. Queries, prompts and labels are read as `cargo xtask serve-reward` reads
them: a label is an answer, or a dictionary (or JSON) with `answer`, `tools`, `teacher_tools`, `teacher_calls`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any

from mentor_py._gold import plain
from mentor_py._gold import table as read_table
from mentor_py._native import openrlhf as _answer

__all__ = ["reward_func"]


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
    """`rewards`, `scores` and `extra_logs`, as tensors where torch is there (OpenRLHF's own choice) and lists otherwise."""
    table = read_table(os.environ.get("MENTOR_REWARD", "mentor"))
    request = {"query": list(queries), "prompts": list(prompts), "labels": [plain(label) for label in labels]}
    reply = _answer(request, table)
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return reply
    logs = {name: torch.tensor(column) for name, column in reply["extra_logs"].items()}
    return {"rewards": torch.tensor(reply["rewards"]), "scores": torch.tensor(reply["scores"]), "extra_logs": logs}


if __name__ == "__main__":
    print(os.path.abspath(__file__))
