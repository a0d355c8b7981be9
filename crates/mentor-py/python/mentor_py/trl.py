"""TRL (1.16): a reward function for `GRPOTrainer(reward_funcs=…)`.

    from mentor_py.trl import reward_func

    trainer = GRPOTrainer(model=…, reward_funcs=reward_func("mentor"), train_dataset=dataset, …)

The gold side comes from the dataset's columns `answer`, `tools`, `teacher_tools`, `teacher_calls`, `correct`; other
names are given as `columns={"answer": "solution"}`. Completions may be texts in the Qwen/Hermes form or lists of messages,
with tool calls and tools' messages where the trainer runs tools.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import Reward, RewardLike
from ._gold import KEYS, complete, plain

__all__ = ["reward_func"]


def reward_func(
    reward: RewardLike = "mentor",
    *,
    columns: Mapping[str, str] | None = None,
    max_completion_length: int | None = None,
    eos_token_ids: Sequence[int] = (),
    log_parts: bool = True,
) -> Callable[..., list[float | None]]:
    """Make a reward function.

    A completion has ended unless it was cut off. TRL tells that by the token ids alone: give `eos_token_ids` (it ended if
    one of them closes it) or `max_completion_length` (it did not if it has that many); without either every completion
    counts as ended. A sample whose `answer` is missing gets `None`, which TRL leaves out.

    The mean of every part is logged as a metric and the parts as columns of the completions' table, unless `log_parts` is off.
    """
    table = Reward(reward)
    names = {key: (columns or {}).get(key, key) for key in KEYS if key != "reward"}
    stops = frozenset(eos_token_ids)

    def has_ended(ids: Sequence[int] | None) -> bool:
        if ids is None:
            return True
        if stops:
            return len(ids) > 0 and int(ids[-1]) in stops
        return max_completion_length is None or len(ids) < max_completion_length

    def mentor_reward(
        prompts: Sequence[Any] | None = None,
        completions: Sequence[Any] = (),
        completion_ids: Sequence[Sequence[int]] | None = None,
        *,
        trainer_state: Any = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **rows: Any,
    ) -> list[float | None]:
        attempts: list[dict[str, Any]] = []
        places: list[int] = []
        # `global_step` counts finished steps; a table's schedule counts from 1.
        step = int(getattr(trainer_state, "global_step", 0) or 0) + 1
        for place, completion in enumerate(completions):
            given = {key: rows[name][place] for key, name in names.items() if name in rows}
            if given.get("answer") is None:
                continue
            ids = None if completion_ids is None else completion_ids[place]
            found = {key: plain(value) for key, value in given.items() if value is not None}
            attempt = {**complete(found), "ended": has_ended(ids), "step": step}
            attempt["response" if isinstance(completion, str) else "messages"] = plain(completion)
            attempts.append(attempt)
            places.append(place)
        scores = table.score(attempts)
        rewards: list[float | None] = [None] * len(completions)
        for place, score in zip(places, scores):
            rewards[place] = score["total"]
        if log_parts and scores:
            for name in table.parts:
                column: list[float | None] = [None] * len(completions)
                for place, score in zip(places, scores):
                    column[place] = sum(p["value"] * p["weight"] for p in score["parts"] if p["name"] == name)
                if log_extra is not None:
                    log_extra(name, column)
                if log_metric is not None:
                    values = [value for value in column if value is not None]
                    log_metric(f"{table.name}/{name}", sum(values) / len(values))
        return rewards

    # What TRL logs it as.
    mentor_reward.__name__ = table.name
    return mentor_reward
