"""llama.cpp as a peer: sample behind random prompts and print a JSON line a counted repetition, as peers.py does.

The model has the shape of a Qwen3 `config.json` and random weights, written as GGUF; its vocabulary is numbered names, since
nothing is spelled. All prompts go through the model in large batches, then every sequence gets its next token in one call;
each is drawn by llama.cpp's own sampler from the whole distribution at temperature 1. Keys and values are f16 and flash
attention is on where llama.cpp has it: its defaults.
"""

import argparse
import ctypes
import json
import tempfile
import time
from pathlib import Path

import gguf
import llama_cpp
import numpy as np


def parse():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("peer", choices=["llama.cpp"])
    p.add_argument("--model-config", required=True)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--prompt", type=int, default=128)
    p.add_argument("--new", type=int, default=128)
    p.add_argument("--dtype", choices=["f32", "f16"], default="f16", help="number format of the weights")
    p.add_argument("--reps", type=int, default=3)
    p.add_argument("--warmup", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args()


def tensors(config):
    """Name, shape and whether it is a norm, of every tensor."""
    d, f, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    q, kv = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    yield "token_embd.weight", (config["vocab_size"], d), False
    yield "output_norm.weight", (d,), True
    for layer in range(config["num_hidden_layers"]):
        block = f"blk.{layer}."
        for name, width in (("attn_norm", d), ("attn_q_norm", head), ("attn_k_norm", head), ("ffn_norm", d)):
            yield f"{block}{name}.weight", (width,), True
        matrices = {
            "attn_q": (q, d), "attn_k": (kv, d), "attn_v": (kv, d), "attn_output": (d, q),
            "ffn_gate": (f, d), "ffn_up": (f, d), "ffn_down": (d, f),
        }
        for name, shape in matrices.items():
            yield f"{block}{name}.weight", shape, False


def write_model(config, dtype, path):
    if config["model_type"] != "qwen3" or not config["tie_word_embeddings"]:
        raise SystemExit("the model config must be a Qwen3 one with tied embeddings")
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    kinds = {"f32": gguf.LlamaFileType.ALL_F32, "f16": gguf.LlamaFileType.MOSTLY_F16}
    writer.add_file_type(kinds[dtype])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([f"t{token}" for token in range(config["vocab_size"])])
    writer.add_token_types([gguf.TokenType.NORMAL] * config["vocab_size"])
    writer.add_token_merges(["t 0"])
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)
    random = np.random.default_rng(1)
    for name, shape, is_norm in tensors(config):
        if is_norm:
            writer.add_tensor(name, np.ones(shape, np.float32))
        else:
            weights = random.normal(0.0, config["initializer_range"], shape)
            writer.add_tensor(name, weights.astype(np.float16 if dtype == "f16" else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Session:
    """A loaded model with room for all sequences."""

    def __init__(self, path, args, vocabulary):
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = args.batch * (args.prompt + args.new)
        params.n_batch = max(args.batch, 2048)
        params.n_seq_max = args.batch
        params.n_threads = params.n_threads_batch = args.threads
        params.no_perf = True
        self.context = self.model and llama_cpp.llama_init_from_model(self.model, params)
        if not self.context:
            raise SystemExit("llama.cpp did not load the model")
        self.room = params.n_batch
        self.batch = llama_cpp.llama_batch_init(self.room, 0, 1)
        self.args, self.vocabulary = args, vocabulary

    def put(self, token, position, sequence, wanted):
        at = self.batch.n_tokens
        self.batch.token[at], self.batch.pos[at] = token, position
        self.batch.n_seq_id[at], self.batch.seq_id[at][0] = 1, sequence
        self.batch.logits[at] = wanted
        self.batch.n_tokens += 1

    def decode(self):
        if llama_cpp.llama_decode(self.context, self.batch):
            raise SystemExit("llama_decode failed")

    def sample(self, samplers, rows):
        """The next token of every sequence: `rows` has (sequence, row of the batch)."""
        return {s: llama_cpp.llama_sampler_sample(samplers[s], self.context, row) for s, row in rows}

    def generate(self, round_):
        args = self.args
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        prompts = np.random.default_rng(round_).integers(3, self.vocabulary, (args.batch, args.prompt)).tolist()
        samplers = [llama_cpp.llama_sampler_init_dist(round_ * args.batch + s) for s in range(args.batch)]
        start = time.perf_counter()
        latest = {}
        together = max(1, self.room // args.prompt)
        for first in range(0, args.batch, together):
            rows = []
            self.batch.n_tokens = 0
            for s in range(first, min(first + together, args.batch)):
                for position, token in enumerate(prompts[s]):
                    self.put(token, position, s, position == args.prompt - 1)
                rows.append((s, self.batch.n_tokens - 1))
            self.decode()
            latest |= self.sample(samplers, rows)
        prefilled = time.perf_counter()
        for position in range(args.prompt, args.prompt + args.new - 1):
            self.batch.n_tokens = 0
            for s in range(args.batch):
                self.put(latest[s], position, s, True)
            self.decode()
            latest = self.sample(samplers, [(s, s) for s in range(args.batch)])
        done = time.perf_counter()
        for sampler in samplers:
            llama_cpp.llama_sampler_free(sampler)
        return done - start, {"prefill": prefilled - start, "decode": done - prefilled}


def peak_bytes():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@llama_cpp.llama_log_callback
def silent(_level, _text, _data):
    pass


def main():
    args = parse()
    config = json.loads(Path(args.model_config).read_text())
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        write_model(config, args.dtype, path)
        session = Session(path, args, config["vocab_size"])
    for round_ in range(args.warmup + args.reps):
        Path("/proc/self/clear_refs").write_text("5")
        seconds, phases = session.generate(round_)
        if round_ >= args.warmup:
            tokens = args.batch * args.new
            print(json.dumps({
                "name": "generate", "seconds": seconds, "tokens": tokens, "tokens_per_s": tokens / seconds,
                "peak_rss_bytes": peak_bytes(), "threads": args.threads, "dtype": args.dtype, "phases": phases,
            }), flush=True)


if __name__ == "__main__":
    main()
