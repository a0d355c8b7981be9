"""One peer, one work: run it `--warmup + --reps` times and print a JSON line a counted repetition.

The lines have the keys of `cargo xtask bench --json`, so that compare.py reads both alike. Each peer does what its
users would have it do: a fused optimizer, SDPA, a key-value cache, no gradient where none is needed. Weights are
random, prompts are random and all different, temperature is 1, and nothing stops early.
"""

import argparse
import json
import os
import time


def parse():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("peer", choices=["torch", "torch-compile", "peft", "transformers", "trl"])
    p.add_argument("--model-config", required=True)
    p.add_argument("--batch", type=int, default=8, help="prompts for trl, rows for the others")
    p.add_argument("--prompt", type=int, default=128)
    p.add_argument("--new", type=int, default=128)
    p.add_argument("--group", type=int, default=8)
    p.add_argument("--beta", type=float, default=0.0)
    p.add_argument("--lora-rank", type=int, default=16)
    p.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    p.add_argument("--reps", type=int, default=3)
    p.add_argument("--warmup", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args()


ARGS = parse()
# Before numpy and torch are imported: they read these once.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(ARGS.threads)
os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false")

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402

LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def reset_peak():
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


def peak_bytes():
    with open("/proc/self/status") as f:
        line = next(line for line in f if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def report(name, seconds, tokens, phases):
    print(json.dumps({
        "name": name, "seconds": seconds, "tokens": tokens, "tokens_per_s": tokens / seconds, "peak_rss_bytes": peak_bytes(),
        "threads": ARGS.threads, "dtype": ARGS.dtype, "phases": phases,
    }), flush=True)


def make_model():
    with open(ARGS.model_config) as f:
        raw = json.load(f)
    raw.pop("architectures", None)
    torch.manual_seed(1)
    config = AutoConfig.for_model(raw.pop("model_type"), **raw)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[ARGS.dtype]
    return AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")


def repeat(name, tokens, work):
    """Times `work(round)`, which may return the seconds of its parts."""
    for round_ in range(ARGS.warmup + ARGS.reps):
        reset_peak()
        start = time.perf_counter()
        phases = work(round_) or {}
        seconds = time.perf_counter() - start
        if round_ >= ARGS.warmup:
            report(name, seconds, tokens, phases)


def random_rows(vocabulary, rows, length, round_):
    return torch.randint(0, vocabulary, (rows, length), generator=torch.Generator().manual_seed(round_))


def train(name, compiled=False, lora=False):
    model = make_model()
    model.config.use_cache = False
    if lora:
        from peft import LoraConfig, get_peft_model

        rank = ARGS.lora_rank
        model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=LORA_TARGETS, task_type="CAUSAL_LM"))
    model.train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-5, weight_decay=0.01, fused=True)
    forward = torch.compile(model) if compiled else model

    def step(round_):
        ids = random_rows(model.config.vocab_size, ARGS.batch, ARGS.prompt + ARGS.new, round_)
        times = [time.perf_counter()]
        logits = forward(input_ids=ids, use_cache=False).logits[:, :-1].float()
        loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), ids[:, 1:].reshape(-1))
        times.append(time.perf_counter())
        loss.backward()
        times.append(time.perf_counter())
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        times.append(time.perf_counter())
        return dict(zip(("forward", "backward", "optimizer"), (b - a for a, b in zip(times, times[1:]))))

    repeat(name, ARGS.batch * (ARGS.prompt + ARGS.new), step)


def generate():
    model = make_model().eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0

    def run(round_):
        ids = random_rows(model.config.vocab_size, ARGS.batch, ARGS.prompt, round_)
        with torch.inference_mode():
            out = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=ARGS.new, min_new_tokens=ARGS.new,
                do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            )
        assert out.shape == (ARGS.batch, ARGS.prompt + ARGS.new)

    repeat("generate", ARGS.batch * ARGS.new, run)


def word_tokenizer(size):
    """A tokenizer whose tokens are words, so that a random prompt has exactly the length asked for."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<pad>": 0, "<eos>": 1} | {f"w{i}": i for i in range(2, size)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", padding_side="left")


def trl():
    import contextlib
    import tempfile
    import warnings

    warnings.filterwarnings("ignore")
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    model = make_model()
    size = model.config.vocab_size
    steps = ARGS.warmup + ARGS.reps
    rows = torch.randint(2, size, (ARGS.batch * steps, ARGS.prompt), generator=torch.Generator().manual_seed(0))
    prompts = [" ".join(f"w{i}" for i in row) for row in rows.tolist()]
    total = ARGS.batch * ARGS.group

    def reward(completions, **_):
        return [sum(word.endswith(("0", "2", "4", "6", "8")) for word in text.split()) / ARGS.new for text in completions]

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            reset_peak()
            self.start = time.perf_counter()

        def on_step_end(self, args, state, control, **_):
            seconds = time.perf_counter() - self.start
            if state.global_step > ARGS.warmup:
                with contextlib.redirect_stdout(OUT):
                    report("grpo-step", seconds, total * ARGS.new, {})

    with tempfile.TemporaryDirectory() as folder:
        # Saved and loaded by name: with a KL term TRL loads the reference model from there as well.
        model.save_pretrained(folder + "/model")
        tokenizer = word_tokenizer(size)
        tokenizer.save_pretrained(folder + "/model")
        del model
        config = GRPOConfig(
            output_dir=folder, use_cpu=True, bf16=ARGS.dtype == "bf16", use_vllm=False, per_device_train_batch_size=total,
            num_generations=ARGS.group, max_completion_length=ARGS.new, beta=ARGS.beta, temperature=1.0, max_steps=steps,
            learning_rate=1e-5, logging_steps=1, report_to=[], save_strategy="no", gradient_checkpointing=False,
            generation_kwargs={"min_new_tokens": ARGS.new}, disable_tqdm=True,
            model_init_kwargs={"dtype": "float32", "attn_implementation": "sdpa"},
        )
        trainer = GRPOTrainer(
            model=folder + "/model", reward_funcs=reward, args=config, train_dataset=Dataset.from_dict({"prompt": prompts}),
            processing_class=tokenizer, callbacks=[Clock()],
        )
        with contextlib.redirect_stdout(open(os.devnull, "w")):
            trainer.train()


if __name__ == "__main__":
    import sys

    OUT = sys.stdout
    torch.set_num_threads(ARGS.threads)
    {
        "torch": lambda: train("train-step"),
        "torch-compile": lambda: train("train-step", compiled=True),
        "peft": lambda: train("lora-step", lora=True),
        "transformers": generate,
        "trl": trl,
    }[ARGS.peer]()
