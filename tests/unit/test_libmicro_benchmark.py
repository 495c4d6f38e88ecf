# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison with libMicro's own binaries: what is read, and what a row says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tailwalk.cases import SUITES
from tailwalk.runs.amount import Amount

_FILE = Path(__file__).parents[2] / "benchmarks" / "libmicro.py"


@pytest.fixture(scope="module")
def benchmark_file():
    spec = importlib.util.spec_from_file_location("libmicro_benchmark", _FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def _printed(usecs, *, name="pwrite", overhead=70):
    return (f"             prc thr   usecs/call      samples     size\n"
            f"{name:12}   1   1 {usecs:12.5f}          400     1024\n"
            "#\n# STATISTICS           usecs/call\n"
            f"#                 median {usecs:12.5f}\n#\n"
            f"#      getnsecs overhead {overhead:12d}\n#\n# DISTRIBUTION\n")


def _amount(value, user=8):
    return Amount(value=value, unit="instructions/call", user=user, share=1.0)


def _outputs(of, *kernel, median=0.0):
    return [of.Output(one, median) for one in kernel]


def test_the_median_has_the_clock_in_it_that_libmicro_took_off(benchmark_file):
    output = benchmark_file.read_output(_printed(2.241, overhead=71), 1_000)
    assert output == benchmark_file.Output(1_000, pytest.approx(2_241 + 71))


@pytest.mark.parametrize("text", [
    "", "pwrite ERROR 2 No such file or directory pwrite.c:3\n",
    _printed(2.241).partition("#")[0], _printed(2.241) + _printed(2.241)])
def test_output_without_one_result_and_its_clock_is_refused(text, benchmark_file):
    with pytest.raises(ValueError, match="no result"):
        benchmark_file.read_output(text, 1_000)


def test_a_call_that_is_alone_is_the_kernels_share_of_300_samples(benchmark_file):
    assert benchmark_file.sample_of(
        benchmark_file.BENCHMARKS["pwrite_u1k"], _outputs(benchmark_file, 900_000, 1_570_000),
        _outputs(benchmark_file, 650_000, 653_000)) == pytest.approx((670_000 - 3_000) / 300)


def test_a_call_beside_another_is_the_median(benchmark_file):
    assert benchmark_file.sample_of(
        benchmark_file.BENCHMARKS["write_u1k"], _outputs(benchmark_file, 1, median=2_332.0),
        _outputs(benchmark_file, 1, 2, median=84.0)) == 2_248


@pytest.mark.parametrize(("case", "ours", "way"), [("pwrite_u1k", 2_216, "runs"),
                                                   ("write_u1k", 2_224, "clock")])
def test_the_programs_own_is_compared_where_libmicro_has_it_too(case, ours, way, benchmark_file):
    row = benchmark_file.row_of(case, _amount(2_224), [2_000])
    assert (row.ours, row.theirs, row.way) == (ours, 2_000, way)
    assert row.difference == pytest.approx(ours / 2_000 - 1)


def test_of_three_rounds_it_is_the_median(benchmark_file):
    assert benchmark_file.row_of("mmap_u8k", _amount(1), [5_908, 8_305, 5_836]).theirs == 5_908


@pytest.mark.parametrize(("case", "calls"), [("chdir_usr", 2), ("mprot_wz8k", 0.5)])
def test_a_sample_can_be_more_than_a_call_or_less(case, calls, benchmark_file):
    assert benchmark_file.row_of(case, _amount(1_008), [1_000 * calls]).theirs == 1_000


def test_a_figure_that_does_not_say_what_is_the_kernels_is_refused(benchmark_file):
    with pytest.raises(ValueError, match="getpid"):
        benchmark_file.row_of("getpid", _amount(302, user=None), [300])


@pytest.mark.parametrize(("ours", "beyond"), [(979, True), (981, False), (1_019, False),
                                              (1_021, True)])
def test_beyond_is_more_than_two_percent_either_way(ours, beyond, benchmark_file):
    row = benchmark_file.Row("getpid", ours, 1_000, "runs")
    assert row.beyond == beyond
    assert ("beyond: ?" in benchmark_file.table([row])) == beyond


def test_every_case_of_the_suite_is_compared_or_has_a_reason(benchmark_file):
    compared, left_out = set(benchmark_file.BENCHMARKS), set(benchmark_file.NOT_SINGLE)
    assert not compared & left_out
    assert compared | left_out == set(SUITES["libmicro"])
    assert set(benchmark_file.DIFFERS) <= compared
