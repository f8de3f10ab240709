"""Programs in the place of models, which do as the names of their pictures say, and finished runs for them to be of."""

import sys

import pytest

from assistant.models.serving import worker
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.jobs import make_job

PROGRAM = """
import hashlib, json, os, signal, sys, time
run = sys.argv[1].rpartition("/")[2]
def tell(**said):
    print(json.dumps(said), flush=True)
if run == "damaged":
    tell(failed="the model is damaged")
    sys.exit(1)
if run == "dies":
    sys.exit("no memory at all")
tell(model="m", image_size=8, device="cpu", batch_size=4)
while line := sys.stdin.buffer.readline():
    asked = json.loads(line)
    name, content = asked["name"], sys.stdin.buffer.read(asked.get("length") or 0)
    if asked.get("path"):
        content = open(asked["path"], "rb").read()
    if "poison" in name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "hang" in name:
        time.sleep(1000)
    if "slow" in name:
        time.sleep(0.05)
    if content.startswith(b"half"):
        tell(id=asked["id"], name=name, broken="damaged")
        continue
    digest = hashlib.sha256(content).hexdigest()
    tell(id=asked["id"], name=name, sha256=digest, verdict=run, score=0.5, threshold=asked["threshold"], batch=os.getpid())
"""


def put_programs_in_place_of_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the run whose folder it is given each tells the name as its verdict, and its own number as that of its batch."""
    monkeypatch.setattr(worker, "engine_command", lambda *said: [sys.executable, "-c", PROGRAM, said[-1]])


async def finished(workspace: Workspace) -> RunRow:
    """A run that has ended well, of which nobody looks at any file."""
    row = await workspace.runs.add(make_job("detect", "oled", "patchcore", {}), data_path="/data")
    await workspace.runs.claim_one(row.id)
    ended = await workspace.runs.end(row.id, "succeeded", metrics={"image_auroc": 0.9})
    assert ended is not None
    return ended
