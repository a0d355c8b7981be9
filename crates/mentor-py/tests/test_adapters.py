"""Every adapter called as its engine calls it, without the engine."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import mentor_py
import mentor_py.openrlhf
import mentor_py.trl
import mentor_py.verifiers
import mentor_py.verl
import pytest

from samples import BLANK, GOLD, MESSAGES, RIGHT, WRONG


class TestTrl:
    """`_calculate_rewards` of TRL 1.16: everything by keyword, columns as lists."""

    @staticmethod
    def call(reward: Any, completions: list[Any], ids: list[list[int]] | None = None, **rows: list[Any]) -> Any:
        logged: dict[str, Any] = {}
        count = len(completions)
        columns = {"answer": ["5"] * count, "tools": [GOLD["tools"]] * count}
        columns["teacher_calls"] = [GOLD["teacher_calls"]] * count
        rewards = reward(
            prompts=["2 + 3?"] * count,
            completions=completions,
            completion_ids=ids or [[1, 2, 3]] * count,
            trainer_state=SimpleNamespace(global_step=0),
            log_extra=logged.__setitem__,
            log_metric=logged.__setitem__,
            **{**columns, **rows},
        )
        return rewards, logged

    def test_texts_and_messages(self) -> None:
        reward = mentor_py.trl.reward_func("mentor")
        rewards, logged = self.call(reward, [RIGHT, WRONG, BLANK])
        assert rewards == [1.1, 0.1, 0.1]
        assert logged["correct"] == [0.7, 0.0, 0.0]
        assert logged["mentor/correct"] == pytest.approx(0.7 / 3)
        assert reward.__name__ == "mentor"
        conversational = [MESSAGES, [{"role": "assistant", "content": WRONG}]]
        assert self.call(reward, conversational)[0] == [1.1, 0.1]

    def test_rows_without_an_answer_are_left_out(self) -> None:
        reward = mentor_py.trl.reward_func("binary")
        assert self.call(reward, [RIGHT, RIGHT, RIGHT], answer=["5", None, "6"])[0] == [1.0, None, 0.0]

    def test_completions_that_were_cut_off_have_not_ended(self) -> None:
        ids = [[1, 2, 9], [1, 2, 3]]
        by_stop = mentor_py.trl.reward_func("mentor", eos_token_ids=[9])
        assert self.call(by_stop, [RIGHT, RIGHT], ids)[0] == [1.1, 0.0]
        by_length = mentor_py.trl.reward_func("mentor", max_completion_length=3)
        assert self.call(by_length, [RIGHT, RIGHT], [[1, 2], [1, 2, 3]])[0] == [1.1, 0.0]

    def test_columns_may_be_named_otherwise(self) -> None:
        reward = mentor_py.trl.reward_func("binary", columns={"answer": "solution"})
        assert self.call(reward, [RIGHT], solution=["6"])[0] == [0.0]

    def test_arguments_that_arrow_filled_with_nothing_are_not_there(self) -> None:
        reward = mentor_py.trl.reward_func("strict")
        teacher = [{"name": "add", "arguments": {"a": 2, "b": 3, "x": None}}]
        assert self.call(reward, [RIGHT], teacher_calls=[teacher])[0] == [1.1]


class TestVerl:
    """The loader of verl 0.9.1 and its managers `naive` (keywords, one by one) and `batch`."""

    @staticmethod
    def load(name: str, **kwargs: Any) -> Any:
        module = importlib.import_module("pkg://mentor_py.verl".removeprefix("pkg://").replace("/", "."))
        merged = kwargs

        def call(raw: Any, extra: dict[str, Any], *args: Any, **given: Any) -> Any:
            return raw(*args, **{**given, **extra})

        return partial(call, getattr(module, name), merged)

    def test_one_by_one(self) -> None:
        compute = self.load("compute_score", reward="mentor")
        truth = {"answer": "5", "tools": GOLD["tools"], "teacher_calls": GOLD["teacher_calls"]}
        for ground_truth in [truth, json.dumps(truth)]:
            given = {"data_source": "x", "solution_str": RIGHT, "ground_truth": ground_truth}
            reply = compute(**given, extra_info={"num_turns": 2, "rollout_reward_scores": {}})
            assert reply["score"] == 1.1
            assert list(reply) == ["score", *mentor_py.Reward("mentor").parts]
            assert compute(**given, extra_info={"finish_reason": "length"})["score"] == 0.0
        plain = compute(data_source="x", solution_str=WRONG, ground_truth="5", extra_info=GOLD)
        assert plain["score"] == 0.1 and plain.keys() == reply.keys()

    def test_messages_of_several_turns(self) -> None:
        extra = {**GOLD, "messages": MESSAGES}
        assert mentor_py.verl.compute_score("x", "no markers left", "5", extra)["score"] == 1.1

    def test_a_batch(self) -> None:
        compute = self.load("compute_scores", reward="process")
        replies = compute(
            data_sources=["x"] * 3,
            solution_strs=[RIGHT, WRONG, BLANK],
            ground_truths=[GOLD] * 3,
            extra_infos=[{}, None, {}],
        )
        assert [reply["score"] for reply in replies] == mentor_py.Reward("process").totals(
            [{"response": text, "ended": True, **GOLD} for text in [RIGHT, WRONG, BLANK]]
        )

    def test_numpy_columns(self) -> None:
        numpy = pytest.importorskip("numpy")
        truth = {**GOLD, "teacher_calls": numpy.array(GOLD["teacher_calls"], dtype=object)}
        assert mentor_py.verl.compute_score("x", RIGHT, truth)["score"] == 1.1


class TestOpenrlhf:
    """The executor of OpenRLHF 0.11 loads a file by its path."""

    PROMPT = "<|im_start|>user\n2 + 3?<|im_end|>\n<|im_start|>assistant\n"

    def reward_func(self) -> Any:
        path = mentor_py.openrlhf.__file__
        spec = importlib.util.spec_from_file_location("reward_func", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.reward_func

    def test_one_query_at_a_time(self) -> None:
        reward_func = self.reward_func()
        for text, label, expected in [(RIGHT, json.dumps(GOLD), 1.1), (RIGHT, "5", 0.1), (WRONG, json.dumps(GOLD), 0.1)]:
            reply = reward_func([f"{self.PROMPT}{text}<|im_end|>\n"], [self.PROMPT], [label])
            assert [float(reward) for reward in reply["rewards"]] == pytest.approx([expected])
            assert set(reply["extra_logs"]) == set(mentor_py.Reward("mentor").parts)

    def test_the_reward_is_named_by_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MENTOR_REWARD", "binary")
        reply = self.reward_func()([f"{self.PROMPT}{RIGHT}<|im_end|>"], [self.PROMPT], ["5"])
        assert [float(reward) for reward in reply["rewards"]] == [1.0]

    def test_its_path_can_be_asked_for(self) -> None:
        said = subprocess.run([sys.executable, "-m", "mentor_py.openrlhf"], capture_output=True, text=True, check=True)
        assert said.stdout.strip() == mentor_py.openrlhf.__file__


class TestVerifiers:
    """A trace of verifiers 0.4, as far as scoring looks at it; `test_verifiers.py` has a real one."""

    class Message(SimpleNamespace):
        def model_dump(self) -> dict[str, Any]:
            return dict(self.__dict__)

    def trace(self, truncated: bool = False) -> Any:
        asked = SimpleNamespace(sampled=False, message=self.Message(role="user", content="2 + 3?"))
        said = [SimpleNamespace(sampled=m["role"] == "assistant", message=self.Message(**m)) for m in MESSAGES]
        metrics: dict[str, float] = {}
        return SimpleNamespace(
            task=SimpleNamespace(data=SimpleNamespace(answer="5", teacher_tools=["add"])),
            tools=[SimpleNamespace(name="add")],
            branches=[SimpleNamespace(nodes=[asked, *said])],
            is_truncated=truncated,
            metrics=metrics,
            record_metrics=metrics.update,
        )

    def test_a_trace(self) -> None:
        trace = self.trace()
        assert mentor_py.verifiers.trace_reward(trace) == 1.1
        assert trace.metrics["mentor/correct"] == 0.7
        assert mentor_py.verifiers.trace_reward(self.trace(truncated=True)) == 0.0
        assert mentor_py.verifiers.trace_reward(self.trace(), "binary", answer="6") == 0.0
