"""Hard use of a real server, with counts: what harm kills, a stepping clock, a held database and hostile inputs do. All should be 0.

Each kind of hardship is a file of `hardships/`, found by its name, with `endure(use, count)`, which gives its counts by name.
The random ones draw from the seed alone; when a process is hit still depends on the machine.

    python -m benchmarks.hard_use --kills 100 --seed 0
"""

import argparse
import importlib
import pkgutil
import random
import sys
import tempfile
from pathlib import Path

from benchmarks import hardships
from benchmarks.served import Served


def main() -> int:
    names = sorted(each.name for each in pkgutil.iter_modules(hardships.__path__))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    for name in names:
        parser.add_argument(f"--{name}", type=int, default=0, metavar="COUNT", help=f"how many {name} to try")
    options = parser.parse_args()
    harm = 0
    print("| hardship | tried | " + "harm |\n|---|---|---|")
    for name in names:
        if (count := getattr(options, name)) > 0:
            with tempfile.TemporaryDirectory(prefix="hard-use-") as folder:
                served = Served(Path(folder), random.Random(options.seed))
                try:
                    counts = importlib.import_module(f"benchmarks.hardships.{name}").endure(served, count)
                finally:
                    served.end()
            print(
                f"| {name} | {counts.pop('tried')} | " + ", ".join(f"{n} {what}" for what, n in counts.items()) + " |",
                flush=True,
            )
            harm += sum(counts.values())
    return 1 if harm else 0


if __name__ == "__main__":
    sys.exit(main())
