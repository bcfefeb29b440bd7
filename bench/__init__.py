"""Measurements of what voltaic costs: `make bench`."""
