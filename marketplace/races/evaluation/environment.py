"""What an evaluation ran on. Kept beside a result, never in it: the result must not depend on it."""

from __future__ import annotations

import platform
from importlib.metadata import version

DISTRIBUTIONS = ("numpy", "polars", "scikit-learn", "scipy", "rfc8785")


def environment() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        **{name: version(name) for name in DISTRIBUTIONS},
    }
