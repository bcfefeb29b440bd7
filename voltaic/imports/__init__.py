"""Configurations of other tools, read without running them, and what they become as settings of a stack."""
