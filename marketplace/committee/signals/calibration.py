"""How severe each judge is, by a mixed model of statsmodels: bids fixed, judges random.

The library takes seconds and a hundred megabytes to import, so only the worker loads it, here.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

JUDGES_LEAST, BIDS_LEAST = 3, 3


def severity(totals: Mapping[str, Mapping[str, float]]) -> dict[str, float] | None:
    """{judge: points of 100 that he gives beyond the panel, shrunk toward 0}.

    totals: {bid: {judge: percent}}. Positive is mild. None where there is too little to fit, or
    the fit does not settle: then nothing is said rather than something wrong.
    """
    judges = sorted({judge for by in totals.values() for judge in by})
    if len(judges) < JUDGES_LEAST or len(totals) < BIDS_LEAST:
        return None
    import numpy as np  # noqa: PLC0415 - the worker alone pays for it
    from statsmodels.regression.mixed_linear_model import MixedLM  # noqa: PLC0415

    rows = [(bid, judge, points) for bid, by in totals.items() for judge, points in by.items()]
    bids = sorted(totals)
    points = np.array([row[2] for row in rows])
    fixed = np.array([[float(row[0] == bid) for bid in bids] for row in rows])
    groups = np.array([row[1] for row in rows])
    try:
        with warnings.catch_warnings():
            # On the edge of its space (judges alike) the model warns and is right nevertheless.
            warnings.simplefilter("ignore")
            fitted = MixedLM(points, fixed, groups=groups).fit(reml=True)
            effects = fitted.random_effects
    except (np.linalg.LinAlgError, ValueError):
        return None
    found = {str(judge): float(effect.iloc[0]) for judge, effect in effects.items()}
    if not all(np.isfinite(value) for value in found.values()):
        return None
    return {judge: round(value, 2) for judge, value in sorted(found.items())}
