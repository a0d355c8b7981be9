"""The package itself: values, errors, types of what comes back, and the GIL."""

from __future__ import annotations

import doctest
import json
import threading
import time
from pathlib import Path

import mentor_py
import pytest
from mentor_py import Reward

from samples import BLANK, CALL, GOLD, MESSAGES, RIGHT, WRONG, attempt


def test_the_docstring_holds() -> None:
    assert doctest.testmod(mentor_py).failed == 0
    assert doctest.testmod(mentor_py).attempted > 0


def test_scores_are_those_of_the_presets() -> None:
    totals = {"mentor": (1.1, 0.1, 0.1), "binary": (1.0, 0.0, 0.0), "strict": (1.1, 0.1, 0.1)}
    for preset, expected in totals.items():
        table = Reward(preset)
        assert tuple(table.totals([attempt(RIGHT), attempt(WRONG), attempt(BLANK)])) == expected
        assert table.maximum == expected[0]
    assert set(totals) < set(mentor_py.presets())


def test_a_score_is_the_sum_of_its_parts_with_reasons() -> None:
    score = mentor_py.score(attempt(WRONG, id=[1, "a"]), "process")
    assert score["id"] == [1, "a"]
    assert score["total"] == sum(part["value"] * part["weight"] for part in score["parts"])
    assert score["parts"][0]["reason"] == "answered 6; the answer is 5"
    assert set(part["name"] for part in score["parts"]) <= set(Reward("process").parts)


def test_text_and_messages_are_scored_alike() -> None:
    messages = {"messages": MESSAGES, **GOLD}
    for preset in ["mentor", "process", "f1", "strict"]:
        assert mentor_py.score(messages, preset) == mentor_py.score(attempt(RIGHT), preset)


def test_a_reward_may_be_a_table() -> None:
    table = {"name": "mine", "term": [{"part": "correct", "weight": 2.0}]}
    toml = 'name = "mine"\n[[term]]\npart = "correct"\nweight = 2.0\n'
    for reward in [table, toml, Reward(table), Reward(Reward(toml))]:
        assert mentor_py.score(attempt(RIGHT), reward)["total"] == 2.0
    assert Reward(Reward(toml).to_toml()).maximum == 2.0


def test_a_reward_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(Reward("process").to_toml())
    assert Reward.from_file(path).totals([attempt(RIGHT)]) == [Reward("process").maximum]
    path.write_text("name = 5")
    with pytest.raises(ValueError, match="mine.toml"):
        Reward.from_file(path)
    with pytest.raises(OSError, match="missing.toml"):
        Reward.from_file(tmp_path / "missing.toml")


def test_schedules_are_read_at_their_step() -> None:
    fading = Reward(
        {
            "name": "fading",
            "term": [
                {
                    "part": "correct",
                    "weight": 1.0,
                    "schedule": {"shape": "linear", "from": 1.0, "to": 0.0, "start": 1, "end": 11},
                }
            ],
        }
    )
    assert fading.totals([attempt(RIGHT, step=1), attempt(RIGHT, step=6), attempt(RIGHT, step=11)]) == [1.0, 0.5, 0.0]
    assert fading.at(6).totals([attempt(RIGHT)]) == [0.5]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"answer": None}, r"\[1\]\.answer: is null"),
        ({"tools": "add"}, r"\[1\]\.tools: invalid type"),
        ({"ended": None}, r"\[1\]\.ended: is missing"),
        ({"reward": "mentro"}, r"\[1\]\.reward: no preset"),
        ({"teacher_calls": [{"name": 5}]}, r"\[1\]\.teacher_calls\[0\]: is no"),
    ],
)
def test_errors_name_the_field(change: dict[str, object], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        mentor_py.score_all([attempt(RIGHT), {**attempt(RIGHT), **change}])


def test_what_is_no_json_is_pythons_error() -> None:
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        mentor_py.score(attempt(RIGHT, id={1}))
    with pytest.raises(ValueError, match="JSON compliant"):
        mentor_py.score(attempt(RIGHT, id=float("nan")))
    with pytest.raises(ValueError, match="give a list"):
        Reward("mentor").score(attempt(RIGHT))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no preset"):
        Reward("nonsense")


def test_parse_says_what_a_turn_holds() -> None:
    turn = mentor_py.parse(f"é {CALL}")
    assert turn["text"] == "é "
    (call,) = turn["calls"]
    assert (call["name"], call["arguments"], call["status"]) == ("add", {"a": 2, "b": 3}, "strict")
    start, end = call["span"]
    assert f"é {CALL}"[start:end] == CALL
    broken = mentor_py.parse('<tool_call>{"name": "add", "arguments": {"a": 1,}}</tool_call>')["calls"][0]
    assert broken["status"] == "repaired" and "trailing_comma" in broken["faults"]
    assert len(mentor_py.formats()) >= 30
    with pytest.raises(ValueError, match="format: "):
        mentor_py.parse("", "hermse")


def test_answers() -> None:
    assert mentor_py.answers_equal(r"\frac{1}{2}", "0.5")
    assert not mentor_py.answers_equal("1/2", "0.51")
    assert mentor_py.answers_equal("1/2", "0.501", tolerance=0.01)
    verdicts = mentor_py.compare_answers([("3", "3.0"), ("3", "4"), ("x", "\x00{")])
    assert [verdict["verdict"] for verdict in verdicts[:2]] == ["equal", "different"]
    assert mentor_py.last_boxed(r"\boxed{1} and \boxed{\frac{1}{2}}") == r"\frac{1}{2}"
    assert mentor_py.last_boxed("none") is None
    with pytest.raises(ValueError, match="tolerance"):
        mentor_py.answers_equal("1", "1", tolerance=2.0)


def test_align_pairs_calls_by_name_and_arguments() -> None:
    def call(name: str, **arguments: int) -> dict[str, object]:
        return {"name": name, "arguments": arguments}

    student = [call("add", a=9, b=9), call("add", a=2, b=3), call("sub", a=1, b=1)]
    teacher = [call("mul", a=1, b=1), call("add", a=2, b=3), call("sub", a=1, b=2)]
    pairs = mentor_py.align(student, teacher)
    assert [(pair["student"], pair["teacher"]) for pair in pairs] == [(1, 1), (2, 2)]
    assert pairs[0]["agreement"] == 1.0 and pairs[1]["agreement"] == 0.5
    assert mentor_py.align([], teacher) == []
    with pytest.raises(ValueError, match=r"student\[0\]"):
        mentor_py.align([{"arguments": {}}], teacher)


def test_the_tree_adds_up() -> None:
    explanation = mentor_py.explain(attempt(RIGHT), "process")

    def leaves(node: mentor_py.Node) -> float:
        if node["level"] == "part":
            return node["amount"]
        return sum(leaves(child) for child in node["children"])

    total = mentor_py.score(attempt(RIGHT), "process")["total"]
    assert explanation["tree"]["level"] == "trajectory"
    assert leaves(explanation["tree"]) == pytest.approx(total, abs=1e-12)
    assert explanation["tree"]["amount"] == pytest.approx(total, abs=1e-12)
    assert explanation["aligned"] == [{"turn": 0, "call": 0, "step": 0, "agreement": 1.0}]


def test_other_threads_go_on_while_a_batch_is_scored() -> None:
    batch = [attempt(RIGHT + " x" * 2000)] * 3000
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    table = Reward("process")
    text = json.dumps(batch)
    ticker = threading.Thread(target=tick)
    ticker.start()
    before, seconds = ticks, 0.0
    while seconds < 0.2:
        clock = time.perf_counter()
        table.totals(batch)
        seconds += time.perf_counter() - clock
    done.set()
    ticker.join()
    assert len(text) > 1_000_000 and ticks > before + 5
