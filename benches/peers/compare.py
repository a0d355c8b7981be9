"""This engine beside PyTorch, PEFT, transformers, TRL and llama.cpp: run alternately, print a table of ratios.

    cargo build --release -p xtask
    python3 -m venv env && env/bin/pip install -r benches/peers/requirements.txt
    env/bin/python benches/peers/compare.py

Each row of the table runs us, the peer, us, the peer, … (`--rounds` times), every run a process of its own, never two at
once. The ratio of a round is the peer's median time over ours; the table has the median ratio of the rounds and the
lowest and highest. See benches/README.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFIGS = HERE.parent / "configs"
SIZES = ("tiny", "small")


def rows():
    """(label, model, our command, [(peer, its command)])"""
    train = ["--batch", "32"]
    many = ["--batch", "64"]
    grpo = ["--batch", "8", "--group", "8", "--beta", "0.001"]
    for size in SIZES:
        yield "grpo-step", size, ["grpo-step", *grpo], [("TRL", ["trl", *grpo])]
    for size in SIZES:
        peers = [("torch", ["torch", *train]), ("torch compiled", ["torch-compile", *train])]
        yield "train-step", size, ["train-step", *train], peers
    yield "lora-step", "small", ["lora-step", *train, "--lora-rank", "16"], [("PEFT", ["peft", *train, "--lora-rank", "16"])]
    for size in SIZES:
        peers = [(f"transformers {dtype}", ["transformers", *many, "--dtype", dtype]) for dtype in ("f32", "bf16")]
        peers += [(f"llama.cpp {dtype}", ["llama.cpp", *many, "--dtype", dtype]) for dtype in ("f16", "f32")]
        yield "generate", size, ["generate", *many], peers
    alone = ["--batch", "1"]
    peers = [("llama.cpp f16", ["llama.cpp", *alone, "--dtype", "f16"]), ("transformers f32", ["transformers", *alone])]
    yield "generate one row", "tiny", ["generate", *alone], peers


def quiet(command):
    """Raises the scheduler weight of the command's session, where that is allowed: `nice` alone does not reach across
    sessions."""

    def begin():
        os.setsid()
        try:
            Path("/proc/self/autogroup").write_text("-20")
        except OSError:
            pass

    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=begin, timeout=ARGS.timeout)
    if done.returncode:
        sys.stderr.write(f"{' '.join(command)}\n{done.stderr[-2000:]}\n")
        return []
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def ours(command, size):
    return quiet([str(ARGS.xtask), "bench", *command, *common(size), "--json"])


def theirs(command, size):
    program = "llamacpp.py" if command[0] == "llama.cpp" else "peers.py"
    return quiet([sys.executable, str(HERE / program), *command, *common(size), "--warmup", "2" if "compile" in command[0] else "1"])


def common(size):
    return ["--model-config", str(CONFIGS / f"{size}.json"), "--reps", str(ARGS.reps), "--threads", str(ARGS.threads)]


def median(lines, key):
    return statistics.median(line[key] for line in lines)


def compare(label, size, our_command, peer, peer_command):
    ratios, memory, mine, their = [], [], [], []
    for _ in range(ARGS.rounds):
        a, b = ours(our_command, size), theirs(peer_command, size)
        if not a or not b:
            return None
        ratios.append(median(a, "seconds") / median(b, "seconds"))
        memory.append(median(a, "peak_rss_bytes") / median(b, "peak_rss_bytes"))
        mine.append(median(a, "tokens_per_s"))
        their.append(median(b, "tokens_per_s"))
    speed = sorted(1 / ratio for ratio in ratios)
    record = {
        "work": label, "model": size, "peer": peer, "our_tokens_per_s": statistics.median(mine),
        "peer_tokens_per_s": statistics.median(their), "speed": statistics.median(speed), "lowest": speed[0], "highest": speed[-1],
        "memory": statistics.median(1 / m for m in memory), "rounds": ARGS.rounds, "reps": ARGS.reps, "threads": ARGS.threads,
    }
    print(
        f"| {label} | {size} | {peer} | {record['our_tokens_per_s']:,.0f} | {record['peer_tokens_per_s']:,.0f} | "
        f"{record['speed']:.2f} | {speed[0]:.2f}–{speed[-1]:.2f} | {record['memory']:.1f} |", flush=True,
    )
    return record


def main():
    only = ARGS.only.split(",") if ARGS.only else None
    print("| work | model | peer | our tokens/s | peer's | ratio | range | memory |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    records = []
    for label, size, our_command, peers in rows():
        for peer, peer_command in peers:
            if only and not any(f"{label} {size} {peer}".startswith(prefix) for prefix in only):
                continue
            record = compare(label, size, our_command, peer, peer_command)
            if record is None:
                print(f"| {label} | {size} | {peer} | failed: see the error output | | | | |", flush=True)
            else:
                records.append(record)
    if ARGS.out:
        with open(ARGS.out, "a") as f:
            f.writelines(json.dumps(record) + "\n" for record in records)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--xtask", type=Path, default=HERE.parent.parent / "target/release/xtask")
    p.add_argument("--only", help="comma-separated beginnings of `work model peer`, as in the table")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--reps", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--timeout", type=float, default=900)
    p.add_argument("--out", help="append the records to this file")
    ARGS = p.parse_args()
    main()
