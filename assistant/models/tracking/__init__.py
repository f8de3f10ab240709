"""MLflow is told of every run, and of every model with its versions and aliases.

Nothing waits for it. What is to be told stands in the run folders and in the database; a process of its own (`murascope track`, which the server
starts when there is something to tell) reads it there and sends it, as far as it has not been sent. MLflow may be away for a minute or a month, and that process
may be killed: what was not told is told later, and nothing twice. No other process loads MLflow.

- `store.py`: MLflow itself, a SQLite file in the home or a server (MURASCOPE_TRACKING);
- `run_told.py`: what MLflow is told of a run, from its events;
- `tracker.py`: what has not been told yet;
- `companion.py`: how the server keeps that process.
"""
