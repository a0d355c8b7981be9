"""verl's own loader and reward manager, where the package and what it imports are installed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from samples import GOLD, RIGHT, WRONG

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
reward_module = pytest.importorskip("verl.trainer.ppo.reward")


class Tokenizer:
    """One character a token."""

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        assert skip_special_tokens
        return "".join(chr(int(i)) for i in ids)


@pytest.mark.parametrize("path", ["pkg://mentor_py.verl", "file"])
def test_the_naive_manager_of_verl_gives_our_totals(path: str) -> None:
    import mentor_py.verl
    import numpy
    from omegaconf import OmegaConf
    from tensordict import TensorDict
    from verl import DataProto
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager

    config = OmegaConf.create(
        {
            "reward": {
                "custom_reward_function": {
                    "path": mentor_py.verl.__file__ if path == "file" else path,
                    "name": "compute_score",
                    "reward_kwargs": {"reward": "mentor"},
                }
            }
        }
    )
    compute_score = reward_module.get_custom_reward_fn(config)
    for text, expected in [(RIGHT, 1.1), (WRONG, 0.1)]:
        ids = torch.tensor([[ord(c) for c in text]])
        batch = TensorDict({"responses": ids, "attention_mask": torch.ones_like(ids)}, batch_size=[1])
        non_tensor = {
            "data_source": numpy.array(["x"], dtype=object),
            "reward_model": numpy.array([{"ground_truth": GOLD}], dtype=object),
            "extra_info": numpy.array([{}], dtype=object),
        }

        async def run() -> dict[str, Any]:
            manager = NaiveRewardManager(config, Tokenizer(), compute_score)
            return await manager.run_single(DataProto(batch=batch, non_tensor_batch=non_tensor))

        result = asyncio.run(run())
        assert result["reward_score"] == expected
        assert result["reward_extra_info"]["no_invalid_tool"] == 0.1
