"""Every limit of reading and evaluating, in one place; docs/operations.md tells them."""

FILE_MOST = 1024**3  # bytes of a result file
ROWS_MOST = 50_000_000  # of a table, its header aside
LINE_MOST = 64 * 1024  # bytes of one line of CSV
VALUE_MOST = 200  # characters of an id or another text
LABELS_MOST = 1_000
LABEL_MOST = 80  # characters
TOLD_MOST = 20  # errors told of one file
SHOWN_MOST = 80  # characters shown of a value in an error
DEPTH_MOST = 1_000  # ranks of one query
BLOCK = 4 * 1024**2  # bytes of CSV read at once

PARQUET_FOOTER_MOST = 16 * 1024**2
PARQUET_COLUMNS_MOST = 64
PARQUET_GROUPS_MOST = 10_000
PARQUET_PAGES_MOST = 1_000_000
PARQUET_UNPACKED_MOST = 4 * 1024**3  # bytes of all pages, unpacked
PARQUET_PAGE_MOST = 256 * 1024**2  # bytes of one page, unpacked
PARQUET_BATCH = 500_000  # rows handed on at once
