"""GPU models and profiles: what a card offers to one process."""

from voltaic.hardware.gpu import GpuModel, Profile

__all__ = ["GpuModel", "Profile"]
