"""The one error that people see."""

from __future__ import annotations


class SimulatorError(Exception):
    """The simulated cluster cannot do what was asked; the message says why and what to do next."""
