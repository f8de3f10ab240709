"""`murascope serve` listens before it loads anything."""

from pathlib import Path

from assistant.cli.serve import listen
from assistant.settings import Settings


def test_nodes_of_a_cluster_are_told_the_port_that_was_chosen_where_any_would_do(tmp_path: Path) -> None:
    listening, settings = listen(Settings(home=tmp_path, host="127.0.0.1", port=0))
    with listening:
        assert settings.reached_at == f"http://127.0.0.1:{listening.getsockname()[1]}"
