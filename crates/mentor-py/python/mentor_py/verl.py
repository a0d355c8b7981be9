"""verl (0.9.1): a custom reward function.

    reward.custom_reward_function.path=pkg://mentor_py.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.reward=mentor

With the reward manager `batch`, `name=compute_scores`.

The gold side is `reward_model.ground_truth`, an answer or a dictionary (or JSON) with `answer`, `tools`, `teacher_tools`,
`teacher_calls`; what it lacks is looked for in `extra_info`. verl decodes without special tokens, so that the text does not
say where turns end: put `messages` (the completion's) into `extra_info`, or keep to rollouts of one turn. A response has
ended unless `extra_info` has `ended` (a boolean) or `finish_reason` (`length` means no), or `max_response_chars` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mentor_py import Reward
from mentor_py._gold import KEYS, complete, gold, plain
from mentor_py._gold import table as read_table

__all__ = ["compute_score", "compute_scores"]


def _attempt(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any] | None) -> dict[str, Any]:
    extra = dict(extra_info or {})
    found = gold(ground_truth) if ground_truth is not None else {}
    for key in KEYS:
        if key not in found and extra.get(key) is not None:
            found[key] = plain(extra[key])
    attempt = complete(found)
    finish = extra.get("finish_reason")
    ended = extra.get("ended")
    attempt["ended"] = bool(ended) if ended is not None else finish != "length"
    if extra.get("messages") is not None:
        attempt["messages"] = plain(extra["messages"])
    else:
        attempt["response"] = solution_str
    return attempt


def _reply(table: Reward, score: Mapping[str, Any]) -> dict[str, float]:
    # verl stacks the extra keys of a batch: the same ones every time.
    parts = dict.fromkeys(table.parts, 0.0)
    for part in score["parts"]:
        parts[part["name"]] = part["value"] * part["weight"]
    return {"score": score["total"], **parts}


def compute_score(
    data_source: Any,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward: str = "mentor",
    **_: Any,
) -> dict[str, float]:
    """The total as `score`, and every part by name, which verl logs."""
    table = read_table(reward)
    return _reply(table, table.score([_attempt(solution_str, ground_truth, extra_info)])[0])


def compute_scores(
    data_sources: Sequence[Any],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None],
    *,
    reward: str = "mentor",
    **_: Any,
) -> list[dict[str, float]]:
    """The same for a whole batch at once, on all cores."""
    table = read_table(reward)
    rows = zip(solution_strs, ground_truths, extra_infos, strict=True)
    return [_reply(table, score) for score in table.score([_attempt(*row) for row in rows])]
