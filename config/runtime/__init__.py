"""Bringing the site up: preparation, embedded servers, the supervisor of `make demo`.

Nothing here imports Django; the site learns where its servers are from the environment alone.
"""
