"""How two revisions' figures are compared: better is above 1, whatever the unit, and a missing figure is no ratio."""

from counterfoil.bench.figure import Figure, Reading
from tests.benchmarks.compare import compare


def test_more_per_second_fewer_microseconds_and_less_memory_are_better() -> None:
    before = [Reading("rate", "/s", 100, True), Reading("p50", "us", 80, False), Reading("memory", "MiB", 50, False)]
    after = [Reading("rate", "/s", 200, True), Reading("p50", "us", 20, False), Reading("memory", "MiB", 100, False)]
    assert [each.ratios for each in compare([before, before], [after, after])] == [[2, 2], [4, 4], [0.5, 0.5]]


def test_a_figure_that_the_base_does_not_have_is_shown_without_a_ratio() -> None:
    (row,) = compare([[]], [[Reading("new", "/s", 7, True)]])
    assert (row.after.value, row.ratios) == (7, [])


def test_medians_are_shown_and_pairs_stay_pairs() -> None:
    def run(value: float) -> list[Reading]:
        return [Reading("rate", "/s", value, True)]

    (row,) = compare([run(10), run(30), run(20)], [run(20), run(30), run(80)])
    assert (row.before.value, row.after.value, row.ratios) == (20, 30, [2, 1, 4])


def test_a_figure_reads_as_its_rate_and_its_latencies() -> None:
    figure = Figure("one", "work", 500, 250, latencies=range(1, 101))
    assert [(each.name, each.value) for each in figure.readings()] == [
        ("one", 2_000),
        ("one, p50", 51),
        ("one, p99", 100),
    ]
