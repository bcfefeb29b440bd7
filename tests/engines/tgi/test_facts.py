"""The data files about TGI: complete, without contradiction, and every fact with its source."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import pytest

from voltaic.engines import data
from voltaic.engines.tgi import capability, releases
from voltaic.engines.tgi.capability import ARCHS, Question
from voltaic.engines.tgi.families import families
from voltaic.engines.tgi.options import options
from voltaic.engines.versions import parse_version, within
from voltaic.hardware import gpu_models

NUMBERS = [number for text in releases.versions() if (number := parse_version(text)) is not None]


def test_releases_are_in_order_and_complete() -> None:
    """Forty-three releases from 1.1.0 to 3.3.7, oldest first."""
    assert len(NUMBERS) == len(releases.versions()) == 43
    assert sorted(NUMBERS) == NUMBERS
    assert (NUMBERS[0], NUMBERS[-1]) == ((1, 1, 0), (3, 3, 7))


def test_no_two_cells_answer_the_same_question() -> None:
    """Two facts never speak about the same release, architecture, family, implementation and method."""
    for one, other in combinations(capability.cells(), 2):
        apart = (
            one.feature != other.feature
            or one.checkpoint != other.checkpoint
            or not one.archs & other.archs
            or (one.families and other.families and not one.families & other.families)
            or (one.path and other.path and not one.path & other.path)
            or (one.values and other.values and not one.values & other.values)
        )
        both = [] if apart else [n for n in NUMBERS if within(n, one.releases) and within(n, other.releases)]
        assert not both, f"{one.feature} of {one.source.text} and {other.source.text} both hold for {both[0]}"


def test_every_cell_names_its_source_and_holds_for_a_release() -> None:
    """A fact without a source, or about no release, is none."""
    for cell in capability.cells():
        assert cell.source.text
        assert any(within(number, cell.releases) for number in NUMBERS), cell
        assert cell.answer in {"ok", "off"} or cell.error or cell.note, cell


@pytest.mark.parametrize("feature", ["starts"])
def test_whether_a_release_starts_is_answered_for_every_gpu(feature: capability.Feature) -> None:
    """There is a fact for every release on every architecture, even if it says that it is unknown."""
    for number, arch in product(NUMBERS, ARCHS):
        assert capability.answer(Question(feature), number, arch) is not None, (number, arch)


def test_flash_attention_is_answered_wherever_a_release_starts() -> None:
    """Where the server starts on a GPU, the facts say whether it takes flash attention."""
    for number, arch in product(NUMBERS, ARCHS):
        starts = capability.answer(Question("starts"), number, arch)
        if starts is not None and starts.answer == "ok":
            assert capability.answer(Question("flash"), number, arch) is not None, (number, arch)


def test_the_matrix_knows_every_gpu_model() -> None:
    """Every GPU model has an architecture that the matrix speaks about."""
    assert {gpu.arch for gpu in gpu_models()} <= set(ARCHS)


def test_routes_of_a_family_do_not_overlap() -> None:
    """At most one row of a family speaks about a release."""
    for family in families().by_type.values():
        for number in NUMBERS:
            assert sum(within(number, route.releases) for route in family.routes) <= 1, (family.title, number)


def test_choices_and_defaults_are_known_for_every_release_that_has_the_option() -> None:
    """A choice without values, or a default outside of them, would refuse or accept what the launcher does not."""
    for option, number in product(options().rows, NUMBERS):
        if option.kind == "choice" and option.in_release(number):
            values = option.values(number)
            assert values, (option.name, number)
            assert option.default(number) in {None, *values}


def test_foreign_options_point_to_options_of_this_engine() -> None:
    """A carried-over option is never one of TGI's own, and what to use instead exists."""
    by_name = options().by_name
    for name, foreign in options().foreign.items():
        assert name.replace("-", "_") not in by_name
        assert foreign.use is None or foreign.use.replace("-", "_") in by_name


def test_recommended_releases_start_where_they_are_recommended() -> None:
    """What is offered as the way out is a release that runs there, with the variables that it is offered with."""
    for arch in ARCHS:
        advice = capability.recommended(arch)
        if advice is None:
            continue
        number = parse_version(advice.release)
        assert number is not None
        starts = capability.answer(Question("starts"), number, arch)
        feature: capability.Feature = "without-flash" if advice.environment else "flash"
        serves = capability.answer(Question(feature), number, arch)
        assert starts is not None
        assert serves is not None
        assert (starts.answer, serves.answer) == ("ok", "ok")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"name": "x", "knd": "text"}, "unknown keys knd"),
        ({"name": "x", "kind": "txt"}, "kind 'txt'"),
        ({"name": "x", "kind": "text", "since": "3.0"}, "since = '3.0' is not a release"),
    ],
)
def test_a_typing_error_in_the_facts_is_found(broken: dict[str, str], message: str) -> None:
    """A key or value that nobody reads is an error, so that it cannot hide a fact."""
    from voltaic.engines.tgi.options import _option

    with pytest.raises(data.BadFactsError, match=message):
        _option(broken)


def test_sources_need_text_and_a_known_confidence() -> None:
    """A citation that nobody can follow is no source."""
    with pytest.raises(data.BadFactsError, match="without a source"):
        data.source(" ", "read")
    with pytest.raises(data.BadFactsError, match="confidence 'sure'"):
        data.source("somewhere", "sure")


def test_cells_with_unknown_words_are_found() -> None:
    """A feature, an answer or an architecture that nobody asks for is an error."""
    from voltaic.engines.tgi.capability import _cell

    good = {
        "feature": "starts",
        "releases": "*",
        "archs": ["sm_70"],
        "answer": "ok",
        "source": "x",
        "confidence": "read",
    }
    assert _cell(good).answer == "ok"
    for wrong in ({"feature": "stars"}, {"answer": "yes"}, {"archs": ["sm_71"]}, {"colour": "red"}):
        with pytest.raises(data.BadFactsError):
            _cell(good | wrong)
    with pytest.raises(ValueError, match="not a version range"):
        _cell(good | {"releases": "3.0"})


def test_outcomes_of_routes_are_words_or_errors() -> None:
    """A misspelt way of the dispatcher is an error."""
    from voltaic.engines.tgi.families import _outcome

    assert _outcome("!it ends").error == "it ends"
    with pytest.raises(data.BadFactsError, match="outcome 'falback'"):
        _outcome("falback")


@pytest.mark.parametrize("file", sorted(Path(releases.__file__).parent.glob("*.toml")), ids=lambda file: file.stem)
def test_every_data_file_names_its_sources(file: Path) -> None:
    """Sources stand in the file or beside every row."""
    facts = data.table(file)
    sources = [key for key in facts if key.endswith("source")]
    rows = [row for value in facts.values() if isinstance(value, list) for row in value if isinstance(row, dict)]
    assert sources or all(row.get("source") and row.get("confidence") for row in rows)
