"""How fast transformers renders chat templates: the peer of `cargo bench -p mentor-benches --bench toolcall -- render`.

    pip install transformers==5.24.0 jinja2==3.1.6 && python benches/peers/render.py

Renders the same twelve messages with the same templates, each compiled before (transformers keeps compiled templates), and
prints microseconds a rendering: the least of many short rounds, since a long one holds what else the machine does.
"""

import json
import time
from pathlib import Path

from transformers.utils import chat_template_utils

FIXTURES = Path(__file__).parents[2] / "crates/mentor-toolcall/fixtures/template"
ROUNDS, REPEATS = 400, 5


def main():
    given = json.loads((FIXTURES / "conversations.json").read_text())["reasoning_chain"]
    messages = (given["messages"] * 12)[:12]
    for name in ["qwen2_5", "qwen3", "smollm3", "llama3_1"]:
        source = (FIXTURES / f"templates/{name}.jinja").read_text()
        render = lambda: chat_template_utils.render_jinja_template(
            conversations=[messages], tools=given.get("tools"), chat_template=source, bos_token="<s>", eos_token="</s>"
        )
        try:
            text = render()[0][0]
        except Exception as error:
            print(f"{name}: {error}")
            continue
        best = float("inf")
        for _ in range(ROUNDS):
            start = time.perf_counter()
            for _ in range(REPEATS):
                render()
            best = min(best, (time.perf_counter() - start) / REPEATS)
        print(f"{name}: {best * 1e6:.0f} µs, {len(text.encode())} bytes, {len(text.encode()) / best / 1e6:.1f} MB/s")


main()
