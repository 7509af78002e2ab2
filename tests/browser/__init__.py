import pytest

# Their assertions tell as much as those of a test.
pytest.register_assert_rewrite(
    *(f"tests.browser.{name}" for name in ("award", "bids", "pages", "posting", "review"))
)
