"""How fast the site is, as ratios of two sides measured in turn on one machine.

    python -m bench list             the API's list and the board, against the same rows by raw SQL
    python -m bench list-requests    the same list from a real server, against a trivial view
    python -m bench list-growth      from 10,000 rows to 1,000,000
    python -m bench list-queries     queries of each page
    python -m bench.bids             a whole submission, against three inserts by pgbench

Each starts servers of its own and deletes them. `--rows 1000` for a quick look. The figures stand in
docs/speed.md.
"""
