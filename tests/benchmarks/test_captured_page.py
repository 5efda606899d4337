"""The page shows the counts that are committed; and fused kernels are what they are for: fewer."""

from benchmarks.captured import page


def test_the_page_shows_what_was_counted() -> None:
    (shown,) = page.BLOCK.findall(page.PAGE.read_text("utf-8"))
    assert shown == page.table(), "run: python -m benchmarks.captured.page"


def test_fused_steps_take_less_than_half_of_the_kernels_and_no_more_bytes() -> None:
    for _, engine, function in page.ROWS:
        before, after = page._summary(f"plain_{engine}"), page._summary(engine)
        assert after[f"true: {function}: kernels"] < before[f"true: {function}: kernels"] / 2, function
        assert after[f"true: {function}: megabytes"] <= before[f"true: {function}: megabytes"], function
