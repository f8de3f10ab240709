"""A tool is its folder: one that is put there, with nothing changed anywhere else, is called and understood in three languages."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CODE = '''"""Tool: how warm the machine is."""

from typing import Any, Literal

from pydantic_ai import RunContext

from assistant.tools.desk import Desk


async def tell_temperature(
    ctx: RunContext[Desk], run: str | None = None, scale: Literal["celsius", "fahrenheit"] | None = None, hours: int | None = None
) -> dict[str, Any]:
    """Tell how warm the machine is.

    Args:
        run: id of the run whose machine is meant.
        scale: of the thermometer.
        hours: how far back.
    """
    return {"degrees": 40}
'''
EXAMPLES = """\
en | | how warm is the machine?
en | | what is the temperature of this computer
en | | is the computer hot
en | | tell me the temperature
en | run=r4 | how warm is the machine of r4?
en | run=r4 | temperature of r4
ko | | 기계 온도가 몇 도야?
ko | | 컴퓨터 온도 알려줘
ko | | 지금 온도 어때
ko | | 컴퓨터가 뜨거워?
ko | run=r4 | r4 기계 온도 알려줘
ko | run=r4 | r4 온도는?
zh | | 机器温度是多少？
zh | | 电脑现在多少度
zh | | 机器热不热
zh | | 告诉我温度
zh | run=r4 | r4 的机器温度
zh | run=r4 | r4 那台机器多少度
en | scale=fahrenheit | temperature in fahrenheit
en | scale=fahrenheit | how warm is it in fahrenheit
en | scale=fahrenheit | tell me the fahrenheit
en | scale=fahrenheit | fahrenheit please, how hot is the machine
en | scale=fahrenheit | temperature of the computer, fahrenheit
en | scale=celsius | temperature in celsius
en | scale=celsius | how hot is it in celsius
en | scale=celsius | celsius please
en | scale=celsius | tell me the machine's celsius
en | scale=celsius | degrees celsius of the computer
en | hours=6 | temperature over the last 6 hours
en | hours=12 | how warm was it in the last 12 hours
en | hours=24 | temperature of 24 hours back
en | hours=8 | how hot in the past 8 hours
ko | scale=fahrenheit | 화씨로 온도 알려줘
ko | scale=fahrenheit | 화씨로 몇 도야
ko | scale=fahrenheit | 기계 온도 화씨로
ko | scale=fahrenheit | 화씨 온도 보여줘
ko | scale=fahrenheit | 컴퓨터 온도를 화씨로
ko | scale=celsius | 섭씨로 온도 알려줘
ko | scale=celsius | 섭씨로 몇 도야
ko | scale=celsius | 기계 온도 섭씨로
ko | scale=celsius | 섭씨 온도 보여줘
ko | scale=celsius | 컴퓨터 온도를 섭씨로
ko | hours=6 | 지난 6시간 온도
ko | hours=12 | 최근 12시간 동안 온도 알려줘
ko | hours=24 | 24시간 동안 몇 도였어
ko | hours=8 | 지난 8시간 기계 온도
zh | scale=fahrenheit | 用华氏度告诉我温度
zh | scale=fahrenheit | 华氏多少度
zh | scale=fahrenheit | 机器温度用华氏
zh | scale=fahrenheit | 显示华氏温度
zh | scale=fahrenheit | 电脑温度华氏度
zh | scale=celsius | 用摄氏度告诉我温度
zh | scale=celsius | 摄氏多少度
zh | scale=celsius | 机器温度用摄氏
zh | scale=celsius | 显示摄氏温度
zh | scale=celsius | 电脑温度摄氏度
zh | hours=6 | 过去6小时的温度
zh | hours=12 | 最近12小时温度多少
zh | hours=24 | 24小时内机器温度
zh | hours=8 | 过去8小时有多热
"""
EVERY = 25  # of what the other tools are asked for with: the fewer, the sooner it is learned
ASK = """
import json
from assistant.offline.understand import understand
from assistant.tools.loading import load_tools
assert "tell_temperature" in [tool.name for tool in load_tools()]
said = ["how warm is this machine now?", "r7 기계 온도 좀 알려줘", "机器现在温度多少", "the temperature in fahrenheit please", "최근 10시간 온도 알려줘", "stop r3"]
print(json.dumps([[request.tool, request.arguments] for each in said for request in understand(each, datasets=[]).requests]))
"""


def test_a_tool_that_is_put_into_its_folder_is_called_and_understood(tmp_path: Path) -> None:
    for room in ("assistant", "engine", "prompts"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "learned", "static"))
    tool = tmp_path / "assistant" / "tools" / "tell_temperature"
    tool.mkdir()
    (tool / "__init__.py").write_text(CODE, encoding="utf-8")
    for said in [*(tmp_path / "assistant").rglob("examples.txt"), tmp_path / "assistant" / "offline" / "several.txt"]:
        lines = [line for line in said.read_text("utf-8").splitlines(keepends=True) if not line.startswith("#")]
        said.write_text("".join(lines[::EVERY]), "utf-8")
    (tool / "examples.txt").write_text(EXAMPLES, encoding="utf-8")

    asked = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert asked.returncode == 0, asked.stderr[-2000:]
    new = "tell_temperature"
    assert json.loads(asked.stdout) == [
        [new, {}],
        [new, {"run": "r7"}],
        [new, {}],
        [new, {"scale": "fahrenheit"}],
        [new, {"hours": 10}],
        ["stop_run", {"run": "r3"}],
    ]
