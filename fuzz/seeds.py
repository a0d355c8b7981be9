"""Writes fuzz/seeds/TARGET from the fixtures: inputs from which libFuzzer starts."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOLCALL = ROOT / "crates/mentor-toolcall/fixtures"


def write(target, seeds):
    folder = Path(__file__).parent / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(seeds):
        (folder / f"{index:05}").write_bytes(seed if isinstance(seed, bytes) else seed.encode())


def answer():
    for line in (ROOT / "crates/mentor-answer/fixtures/agreement.tsv").read_text().strip("\n").split("\n")[1::8]:
        _, _, gold, pred, *_ = line.split("\t")
        yield f"{gold}\n{pred}"


def response():
    templates, *cases = (TOOLCALL / "response/responses.jsonl").read_text().strip("\n").split("\n")
    templates = json.loads(templates)
    for case in map(json.loads, cases):
        yield "\0".join([case["text"], case["prefix"], json.dumps(templates[case["template"]])])


def template():
    for path in sorted((TOOLCALL / "template/templates").glob("*.jinja")):
        yield path.read_text() + "\0two"
    for line in (TOOLCALL / "template/snippets.jsonl").read_text().strip("\n").split("\n"):
        if (snippet := json.loads(line).get("template")) is not None:
            yield snippet + "\0é 2"


def toolcall():
    # The README lists the formats in the order of `Format::all`.
    known = (TOOLCALL.parent / "README.md").read_text().partition("Known are")[2].partition(".\n")[0]
    ids = re.findall(r"`([^`]+)`", known)
    for line in (TOOLCALL / "engines/readings.jsonl").read_text().strip("\n").split("\n")[1:]:
        case = json.loads(line)
        yield bytes([ids.index(case["format"]), 5, 0]) + case["text"].encode()
    for path in sorted(TOOLCALL.glob("*/*.txt")):
        if path.parent.name in ids:
            text = path.read_text().partition("--- text\n")[2].partition("\n--- ")[0]
            yield bytes([ids.index(path.parent.name), 2, 0]) + text.encode()


for target in (answer, response, template, toolcall):
    write(target.__name__, target())
