"""`python -m connector` is the same as the command `battery-connector`."""

from connector.cli import main

main()
