"""The same results on processors without the vectors of this one: the kernels' tests again, compiled for those."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = [
    "combinations",
    "elementwise",
    "goldilocks",
    "goldilocks_extension",
    "goldilocks_lanes",
    "merkle",
    "ntt",
    "ring",
    "sumcheck",
]
FEATURES = {
    "generic": "",  # what every processor of its kind has: 128-bit vectors on x86-64
    "haswell": "+sse4.2,+avx,+avx2,+bmi,+bmi2,+fma",
    "skylake-avx512": "+sse4.2,+avx,+avx2,+bmi,+bmi2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512cd",
}


def flags() -> set[str]:
    """What this processor says that it can do, where it says so."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def runs_here(name: str) -> bool:
    spelt = {"sse4.2": "sse4_2", "bmi": "bmi1"}  # by Linux
    needs = {spelt.get(feature[1:], feature[1:]) for feature in FEATURES[name].split(",")}
    return name == "generic" or (platform.machine() == "x86_64" and needs <= flags())


@pytest.mark.slow
@pytest.mark.parametrize("name", FEATURES)
def test_every_kernel_on_another_processor(name, tmp_path):
    if not runs_here(name):
        pytest.skip(f"this processor cannot run code for {name}")
    environment = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": FEATURES[name], "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "--no-cov", "-p", "no:cacheprovider"]
    command += [str(HERE / f"test_{test}.py") for test in TESTS]
    found = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-3000:]
    assert list(tmp_path.rglob("*.nbc")), "nothing was compiled for it"
