"""A real step of TRL's `GRPOTrainer` with our reward, on a tiny random model on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from mentor_py.trl import reward_func

from samples import GOLD

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
trl = pytest.importorskip("trl")


@pytest.mark.parametrize("conversational", [False, True])
def test_a_step_of_the_trainer_is_paid_by_our_reward(conversational: bool, tmp_path: Path) -> None:
    import datasets
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(1)
    words = ["<pad>", "<eos>", "<unk>", "2", "+", "3", "?", r"\boxed{5}", r"\boxed{6}", "user", "assistant"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )
    fast.chat_template = (
        "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}{% if add_generation_prompt %}assistant {% endif %}"
    )
    config = Qwen2Config(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    prompt = [{"role": "user", "content": "2 + 3 ?"}] if conversational else "2 + 3 ?"
    rows = {"prompt": [prompt] * 4, "answer": ["5"] * 4, "tools": [GOLD["tools"]] * 4, "teacher_tools": [["add"]] * 4}
    seen: list[float | None] = []
    inner = reward_func("mentor", eos_token_ids=[1])

    def mentor(**given: object) -> list[float | None]:
        rewards = inner(**given)
        assert len(rewards) == len(given["completions"])  # type: ignore[arg-type]
        seen.extend(rewards)
        return rewards

    trainer = trl.GRPOTrainer(
        model=Qwen2ForCausalLM(config),
        processing_class=fast,
        reward_funcs=mentor,
        train_dataset=datasets.Dataset.from_dict(rows),
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=16,
            num_generations=16,
            max_completion_length=6,
            max_steps=2,
            logging_steps=1,
            report_to=[],
            use_cpu=True,
            bf16=False,
            save_strategy="no",
        ),
    )
    trainer.train()
    logged = [line for line in trainer.state.log_history if "reward" in line]
    assert len(seen) == 32 and len(logged) == 2
    assert {round(reward or 0.0, 9) for reward in seen} <= {0.0, 0.1, 0.8}
    assert len(set(seen)) > 1, "a random model ends by chance, and not always"
    assert logged[0]["reward"] == pytest.approx(sum(r or 0.0 for r in seen[:16]) / 16, abs=1e-6)
    assert any(key.startswith("mentor/") for key in logged[0]), "parts are logged"
