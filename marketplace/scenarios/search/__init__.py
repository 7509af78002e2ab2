"""The board's search: words, facts beside them, what is asked, how it is ranked and shown."""
