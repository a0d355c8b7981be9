"""The front page's example runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path


def test_the_first_example_runs() -> None:
    page = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    exec(compile(blocks[0], "README.md", "exec"), {})
