"""`python -m cli` is `voltaic`."""

from cli.main import run

run()
