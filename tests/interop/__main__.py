"""`make interop`: the official conformance kits, and a real Eclipse EDC on the other side, each some rounds in a row.

Exit codes: 0 all passed, 1 something did not, 2 Java or Maven is missing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.interop import java
from tests.interop.dcp import conformance as dcp
from tests.interop.edc import trade
from tests.interop.identity import trade as identity
from tests.interop.kit import conformance
from tests.interop.outcome import Outcome
from tests.interop.tractusx import trade as tractusx

PARTS: dict[str, Callable[[Path], Iterator[Outcome]]] = {
    "kit": conformance.rounds, "dcp": dcp.rounds, "edc": trade.rounds, "identity": identity.rounds,
    "tractusx": tractusx.rounds,
}  # fmt: skip


def main() -> int:
    """Run what is asked for and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which parts; all if none is named")
    parser.add_argument("--rounds", type=int, default=2, help="how often in a row")
    chosen = parser.parse_args()
    if lack := java.missing():
        print(lack, file=sys.stderr)
        return 2
    passed = failed = 0
    for name in chosen.parts or PARTS:
        for number in range(chosen.rounds):
            folder = Path(tempfile.mkdtemp(prefix=f"interop-{name}-"))
            print(f"\n{name}, round {number + 1} of {chosen.rounds} (logs: {folder})", flush=True)
            for one in PARTS[name](folder):
                print(f"  {'ok    ' if one.passed else 'FAILED'} {one.ident:28} {one.said}", flush=True)
                passed, failed = passed + one.passed, failed + (not one.passed)
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
