"""GPU models and profiles: what a card offers to one process. Data is read on first use."""

from voltaic.hardware.data import UnknownGpuModel, gpu_by_label, gpu_model, gpu_models, gpu_slices, label_problem
from voltaic.hardware.gpu import GpuModel, Profile
from voltaic.hardware.profiles import UnknownProfile, profile, profile_of, profiles

__all__ = [
    "GpuModel",
    "Profile",
    "UnknownGpuModel",
    "UnknownProfile",
    "gpu_by_label",
    "gpu_model",
    "gpu_models",
    "gpu_slices",
    "label_problem",
    "profile",
    "profile_of",
    "profiles",
]
