"""The doctor: what a failing workload says of itself, read by patterns as data, and what mends it, proven by the judge.

Pure: who gathers the evidence is somebody else's business.
"""

from voltaic.doctor.diagnosis import Diagnosis, Quote, Report, diagnose
from voltaic.doctor.evidence import About, Evidence, Log, Stack
from voltaic.doctor.ways_out import WayOut

__all__ = ["About", "Diagnosis", "Evidence", "Log", "Quote", "Report", "Stack", "WayOut", "diagnose"]
