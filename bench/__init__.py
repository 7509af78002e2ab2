"""How fast the site is, as ratios of two sides measured in turn on one machine.

    python -m bench lists            the four that follow, on the same rows
    python -m bench list             the API's list and the board, against the same rows by raw SQL
    python -m bench list-requests    the same from a real server, against a trivial view
    python -m bench list-growth      from a hundredth of the rows to all of them
    python -m bench list-queries     queries of each page
    python -m bench bids             a whole submission, against three inserts by pgbench
    python -m bench uploads          receiving, hashing and storing, against age
    python -m bench sealing          sealing in the browser, against age
    python -m bench score            the page of all scores, against a review dashboard's queries
    python -m bench scoring          10,000,000 rows of CSV to metrics, against polars reading them
    python -m bench bootstrap        10 entrants × 1,000 × 100,000 rows, against scikit-learn's loop
    python -m bench ledger           appends with sequencing, sealing, inclusion proofs, memory

Each starts servers of its own and deletes them. `--rows 1000` for a quick look. The figures stand in
docs/speed.md.
"""
