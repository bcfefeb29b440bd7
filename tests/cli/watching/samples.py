"""A stack at two moments, as tests show it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cli.watching.gpus import Gpu
from cli.watching.sample import Engine, PodSample, Sample
from voltaic.engines.metrics import Load
from voltaic.units import GIB

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
V100 = "Tesla V100-SXM2-16GB"
SERVER = PodSample(
    name="tgi-v100-2gpu-7c9d8b6f5-x2x4q",
    part="tgi",
    state="Running",
    ready=True,
    restarts=1,
    created=AT - timedelta(hours=4),
    running_since=AT - timedelta(hours=3, minutes=5),
    node="gpu-1",
    ended="OOMKilled, exit code 137, signal 9",
    engine=Engine("tgi", "tgi 3.0.1", "mistralai/Mistral-7B-Instruct-v0.2", "tgi", 8080),
    gpus_held=2,
    gpus=(
        Gpu(0, V100, 12 * GIB, 16 * GIB, 97, celsius=61, watts=231.4),
        Gpu(1, V100, 11 * GIB, 16 * GIB, None),
    ),
    load=Load(2, 3, 0.25, 5000, 900, 10, 2, token_seconds=0.05),
)
PAGE = PodSample(
    name="webui-v100-2gpu-5f6d7c8b9-abcde",
    part="webui",
    state="CrashLoopBackOff",
    ready=False,
    restarts=4,
    created=AT - timedelta(hours=4),
    running_since=None,
    node="cpu-1",
    ended="Error, exit code 1",
    engine=None,
    gpus_held=0,
)
SAMPLE = Sample(AT, (SERVER, PAGE))
LATER = Sample(
    AT + timedelta(seconds=5),
    (replace(SERVER, load=Load(1, 0, 0.1, 6000, 1000, 11, 2, token_seconds=0.05)), PAGE),
)
