"""Write the exports of all companies: `python generate.py --out DIR [--items N] [--fault inflated|tampered]`.

With `--dids FILE` (JSON, company name -> DID) the partner lists and claims carry these DIDs instead of examples.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.mine_to_recycler.story.model import FAULTS, tell
from examples.mine_to_recycler.story.write import write


def main() -> int:
    """Read the arguments, write the files."""
    parser = argparse.ArgumentParser(description="Write the exports of all companies of the story.")
    parser.add_argument("--items", type=int, default=1, metavar="N", help="batteries of the second generation")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--fault", choices=FAULTS, default="none")
    parser.add_argument("--dids", type=Path, metavar="FILE", help="JSON: company name -> DID")
    arguments = parser.parse_args()
    if arguments.items < 1:
        parser.error("--items: a story needs at least one battery")
    dids = json.loads(arguments.dids.read_text("utf-8")) if arguments.dids else None
    count = write(tell(arguments.items, fault=arguments.fault), arguments.out, dids)
    print(f"{count} files for {arguments.items} batteries in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
