"""Nothing that may block runs in the event loop: read from the source here, watched while the other tests run (tests/event_loop.py)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
ALONE = "cli"  # the command line's loop serves nobody else
MODULES = [
    path
    for folder in ("assistant", "web")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if path.parent.name != ALONE
]
# what waits for a disk, a lock, a process or the clock when it is called
WAITS = """
    open read_text read_bytes write_text write_bytes exists is_file is_dir stat lstat mkdir unlink rename rmdir touch glob rglob
    iterdir resolve samefile expanduser rmtree copyfile copytree copy2 disk_usage walk listdir scandir makedirs time.sleep
    flock lockf Popen subprocess.run check_output check_call ZipFile EventLog read_events take_lock is_locked open_for_last_word log_tail
    load gallery results_of facts_of folder_stamp unpack run_facts finding normal_named picture_inside kept local_backbones where_are_weights make_plan
"""
BLOCKING = frozenset(WAITS.split())


def blocking_calls(path: Path) -> Iterator[str]:
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.AsyncFunctionDef):
            nodes = list(own_nodes(function))
            for node in nodes:
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                if {called, called.rpartition(".")[2]} & BLOCKING and not any(
                    waits_for(other, node) for other in nodes
                ):
                    yield f"{path.relative_to(PROJECT)}:{node.lineno} {called}"


def waits_for(node: ast.AST, called: ast.AST) -> bool:
    """Whether the call gives something that is awaited: then it does not block."""
    if isinstance(node, ast.AsyncWith):
        return any(item.context_expr is called for item in node.items)
    return isinstance(node, ast.Await) and node.value is called


def own_nodes(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it: they may well run in a thread."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_async_function_calls_what_blocks(path: Path) -> None:
    assert list(blocking_calls(path)) == []
