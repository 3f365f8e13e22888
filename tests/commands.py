"""The command line in the tests' own process: all commands, put together once.

`mount` adds to what is there, so that each module that called it made every later command slower; and typer's runner
puts the whole tree together anew for each command, which takes longer than most commands do.
"""

from functools import cache

from typer import testing
from typer.main import get_command

from connector.cli import app, mount

__all__ = ["app"]

mount()
testing._get_command = cache(get_command)  # type: ignore[attr-defined]  # the runner's own name for it, not exported
