"""One module for each shipped evaluator. Imported by the worker alone: numpy and polars."""
