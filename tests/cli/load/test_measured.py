"""What is made of measured requests."""

from __future__ import annotations

import pytest

from cli.load import measured
from cli.load.compare import Difference, difference, differences
from cli.load.documents import unlike
from cli.load.measured import Request, percentile, slices, spread, summary
from cli.load.prompts import Scale, prompt, scale


@pytest.mark.parametrize(
    ("expected", "values", "rank"),
    [
        (1.0, [1.0], 99),
        (1.5, [1.0, 2.0], 50),
        (3.0, [1.0, 2.0, 3.0, 4.0, 5.0], 50),
        (4.8, [1.0, 2.0, 3.0, 4.0, 5.0], 95),
        (1.0, [1.0, 2.0, 3.0], 0),
        (3.0, [1.0, 2.0, 3.0], 100),
    ],
)
def test_percentiles_lie_between_ranks(expected: float, values: list[float], rank: float) -> None:
    """Linear between the two nearest, as most tools have it."""
    assert percentile(values, rank) == pytest.approx(expected)


def test_nothing_has_no_spread() -> None:
    """None, where there are no values; percentiles of nothing are an error."""
    assert spread([]) is None
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_run_is_summed_up_without_what_failed() -> None:
    """Times and tokens of answered requests; failures by what they say."""
    requests = [
        Request(0.0, (1.0, 1.5, 2.0), 2.1, 10, 3),
        Request(1.0, (1.5, 1.6), 1.7, 12, None),
        Request(2.0, (), 2.5, error="HTTP 503"),
        Request(2.0, (2.2,), 2.5, error="HTTP 503"),
    ]
    found = summary(requests, 10.0)
    assert (found.requests, found.failed, dict(found.errors)) == (4, 2, {"HTTP 503": 2})
    assert found.first is not None
    assert (found.first.least, found.first.most) == (0.5, 1.0)
    assert found.between is not None
    assert found.between.count == 3
    assert found.tokens_per_second == pytest.approx(0.5)  # 3 that the server counted, and 2 pieces
    assert found.requests_per_second == pytest.approx(0.2)
    assert requests[0].rate == pytest.approx(2.0)
    assert found.document()["first"]["p50"] == pytest.approx(0.75)


def test_slices_hold_all_tokens() -> None:
    """Each piece counts where it came, with the tokens that it stands for."""
    found = slices([Request(0.0, (0.5, 2.5), 3.0, None, 4)], 4.0, 2)
    assert found == [pytest.approx(1.0), pytest.approx(1.0)]


@pytest.mark.parametrize(
    ("says", "before", "after", "more_is_better"),
    [
        ("worse", [1.0, 1.1, 0.9, 1.0, 1.05] * 10, [2.0, 2.1, 1.9, 2.0, 2.05] * 10, False),
        ("better", [1.0, 1.1, 0.9, 1.0, 1.05] * 10, [2.0, 2.1, 1.9, 2.0, 2.05] * 10, True),
        ("no difference beyond noise", [1.0, 2.0, 3.0, 4.0, 5.0] * 4, [1.1, 2.0, 3.2, 3.9, 5.0] * 4, False),
        ("too few values", [1.0], [2.0], False),
    ],
)
def test_a_difference_counts_beyond_noise_alone(
    says: str,
    before: list[float],
    after: list[float],
    more_is_better: bool,  # noqa: FBT001  a column of the table
) -> None:
    """By whether the interval of the ratio holds 1."""
    assert says == difference("first", before, after, more_is_better=more_is_better).says


def test_the_same_distribution_is_rarely_called_different() -> None:
    """Of a hundred pairs of runs from one distribution, few are told apart: a 95 % interval errs in about five."""
    import random

    chosen = random.Random(7)  # noqa: S311  nothing secret
    wrong = 0
    for seed in range(100):
        before, after = ([chosen.gauss(1.0, 0.2) for _ in range(40)] for _ in range(2))
        found = difference("first", before, after, more_is_better=False, seed=seed)
        wrong += found.says in {"better", "worse"}
    assert wrong <= 12


def test_runs_are_compared_in_what_both_have() -> None:
    """Measures of one alone are left out."""
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    found = differences({"first": values, "each": values}, {"first": values, "each": []})
    assert [type(each) for each in found] == [Difference]
    assert found[0].ratio == 1.0


def test_loads_that_differ_are_named() -> None:
    """A comparison of different loads says little, and says so."""
    same = {"load": {"model": "a", "concurrency": 1}}
    assert unlike(same, same) == []
    assert unlike(same, {"load": {"model": "a", "concurrency": 4}}) == ["concurrency 1 and 4"]


def test_prompts_are_as_long_as_asked_and_never_alike() -> None:
    """By the count of the server: its template and its vocabulary are in it."""
    counted = scale((16, 40), (116, 165))  # 1.25 tokens a word, 20 besides
    assert (counted.each, counted.base, counted.measured) == (1.25, 20.0, True)
    assert counted.words(270) == 200
    assert Scale().words(100) == 100
    assert len(prompt(50, 1).split()) == 50
    assert prompt(50, 1) == prompt(50, 1)
    assert prompt(50, 1)[:40] != prompt(50, 2)[:40]


def test_a_server_that_counts_nonsense_is_not_believed() -> None:
    """More words and no more tokens: then one word, one token."""
    assert scale((16, 40), (116, 40)) == Scale()


def test_percentiles_of_the_table_are_those_of_documents() -> None:
    """p50, p90, p95, p99."""
    found = spread(float(number) for number in range(101))
    assert found is not None
    assert [found.document()[f"p{rank}"] for rank in measured.PERCENTILES] == [50.0, 90.0, 95.0, 99.0]
