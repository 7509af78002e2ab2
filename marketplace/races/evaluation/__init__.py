"""Measuring result files against hidden truth. Pure: no Django, no database, no clock.

`evaluators` says what there is (light: a web process may import it), `reading` reads a file
strictly, `metrics` computes, `bootstrap` compares entrants, `verify` recomputes from files. What
needs polars, numpy or scikit-learn imports them when it works, in the evaluation's worker.
"""
