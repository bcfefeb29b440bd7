"""Anything at all, asked of the judge: what continuous integration tries, and what `make bench` tries for longer."""
