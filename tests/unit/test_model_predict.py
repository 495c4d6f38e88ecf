# SPDX-License-Identifier: GPL-2.0-or-later
"""Prediction: counts against the loops they stand for, and coefficients against made kernels whose
cost is known to the instruction."""

from __future__ import annotations

import json

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import changed_amount, made_case, made_figure, made_run

from tailwalk.cases import Filesystem, find_cases
from tailwalk.cases.sweep import sweep_cases
from tailwalk.cli.model import model
from tailwalk.errors import ModelError
from tailwalk.model.calibrate import calibrate, design_of, worst
from tailwalk.model.designs import find_design
from tailwalk.model.predict import RANDOM, cost_of
from tailwalk.model.telling import tell_calibration
from tailwalk.runs import Run
from tailwalk.runs.record import encode

KIB, MIB = 1024, 1024 * 1024

# What a made kernel's call costs, in instructions for each of a term.
TRUE = {"prefix": 15.5, "tail": 17.0, "span": 30.0, "folios": 700.0, "large": 22.0,
        "levels": 21.0, "siblings": 24.0, "words": 1.0, "bytes": 6.0, "pieces": 33.0,
        "writev": 840.0, "write": 23.0, "inside": 4.0}
BASE = 680.0


def order_of(fill: int) -> int:
    return (min(fill, 2 * MIB) // 4096).bit_length() - 1


def made_sweep(spec: str, *, names=("pwrite_u1k", "write_u10k", "writev_u1k"),
               fills=(4 * KIB, 64 * KIB, MIB), places=("first", "half", "unaligned"),
               block_size: int = 4096, kind: str = "ext4", secret: float = 0.0) -> Run:
    """A run whose figures follow TRUE, and `secret` more for each written folio squared."""
    filesystem = Filesystem(kind=kind, block_size=block_size)
    design = find_design("tail" if "+tail" in spec else "full")
    figures = []
    for name in names:
        for case in sweep_cases(made_case(name), fills=fills, places=places,
                                filesystem=filesystem):
            order = order_of(case.fill)
            cost = cost_of(case, design, block_size=block_size, folio=4096 << order)
            value = BASE + sum(factor * cost.terms[term] for term, factor in TRUE.items())
            value += secret * cost.terms["folios"] ** 2
            figures.append(made_figure(case, round(value), order=order))
    return made_run(spec, figures, release="6.18.15", filesystem=filesystem)


@pytest.mark.parametrize("nothing", [0, -5])
def test_cells_of_nothing_calibrate_nothing(nothing):
    run = made_sweep("src:6.18")
    empty = changed_amount(run.figures[0], value=nothing)
    found = calibrate(msgspec.structs.replace(run, figures=[empty, *run.figures[1:]]))
    assert found.left_out == ("pwrite_u1k at 0B, fill 4KiB: no cost",)
    assert worst(found.cells) < 0.002


@pytest.mark.parametrize("spec", ["src:6.18", "src:6.18+tail"])
def test_coefficients_of_a_part_predict_cells_of_other_places_folios_and_blocks(spec):
    found = calibrate(made_sweep(spec))
    assert worst(found.cells) < 0.002
    other = made_sweep(spec, names=("pwrite_u10k", "writev_u10k", "pwrite_u1k"),
                       fills=(16 * KIB, 256 * KIB, 2 * MIB),
                       places=("quarter", "last", "random"))
    smaller = made_sweep(spec, block_size=KIB, fills=(4 * KIB, 2 * MIB), places=("last", "half"))
    crossing = made_sweep(spec, names=("pwrite_u1k",), fills=(2 * MIB,), places=("crossing",))
    for run in (other, smaller, crossing):
        assert worst(found.predict(run)) < 0.02


def test_a_cost_that_the_law_does_not_know_shows_as_an_error():
    found = calibrate(made_sweep("src:6.18"))
    strange = made_sweep("src:6.18", names=("writev_u10k",), fills=(4 * KIB,), secret=50.0)
    assert worst(found.predict(strange)) > 0.3


def test_a_calibration_says_nothing_of_another_kernel():
    found = calibrate(made_sweep("src:6.18"))
    other = made_sweep("src:6.18+tail")
    other = msgspec.structs.replace(
        other, kernel=msgspec.structs.replace(other.kernel, digest="00" * 32))
    with pytest.raises(ModelError, match=r"src:6\.18\+tail .* same kernel"):
        found.predict(other)


def test_a_term_that_the_run_never_varied_is_not_guessed():
    found = calibrate(made_sweep("src:6.18", names=("pwrite_u1k",)))
    case = made_case("writev_u1k")
    with pytest.raises(ModelError, match="what it costs is not known"):
        found.instructions(cost_of(case, find_design("full"), block_size=4096))


def test_a_synced_write_pays_for_the_ring_or_for_what_it_wrote():
    [case] = find_cases(["overwrite_fdatasync_u8k"])
    case = case.changed(fill=2 * MIB)

    def terms(design: str, **place: int) -> dict[str, float]:
        return cost_of(case, find_design(design), block_size=KIB, **place).terms

    full, span, flush = map(terms, ("full", "span", "flush"))
    assert full["clean"] == span["clean"] == 4 * (2048 - 8)
    assert full["tail"] and not span["tail"]
    assert full["beyond"] == 2048 - 8 and not full["searches"]
    assert (flush["clean"], flush["searches"], flush["written"]) == (0, 3, 8)
    assert terms("flush", place=125 * KIB)["searches"] == 6  # on either side of a group's end
    # Half of the folio, or a ring that is short, is passed whole.
    assert terms("flush", folio=16 * KIB)["clean"] == 3 * 8
    assert terms("flush", folio=4 * KIB)["clean"] == terms("full", folio=4 * KIB)["clean"] == 0
    unsynced = cost_of(made_case(), find_design("flush"), block_size=KIB)
    assert not unsynced.terms["synced"]


def test_synced_writes_calibrate_and_predict():
    true = {"span": 130.0, "clean": 17.0, "beyond": 12.0, "folios": 2600.0, "large": 300.0,
            "words": 1.0}

    def sweep(spec: str, fills: tuple[int, ...]) -> Run:
        figures = [make(case, spec)
                   for name in ("overwrite_fdatasync_u1k", "overwrite_fdatasync_u64k")
                   for case in sweep_cases(*find_cases([name]), fills=fills,
                                           places=("first", "half"), filesystem=Filesystem())]
        return made_run(spec, figures, release="6.18.15", filesystem=Filesystem())

    def make(case, spec):
        order = order_of(case.fill)
        cost = cost_of(case, find_design(spec.partition("+")[2]), block_size=4 * KIB,
                       folio=4096 << order)
        value = 4368 + sum(factor * cost.terms[term] for term, factor in true.items())
        return made_figure(case, round(value), order=order)

    found = calibrate(sweep("src:6.18+span", (4 * KIB, 64 * KIB, MIB)))
    assert worst(found.predict(sweep("src:6.18+span", (256 * KIB, 2 * MIB)))) < 0.002


def test_what_goes_beyond_the_run_is_named():
    found = calibrate(made_sweep("src:6.18"))
    case = made_case("pwrite_u1k")
    full = find_design("full")
    assert found.extrapolates(cost_of(case, full, block_size=4096)) == []
    beyond = found.extrapolates(cost_of(case, full, block_size=KIB, folio=4 * MIB))
    assert "blocks of 1KiB (measured: 4KiB)" in beyond
    assert "folios of 4MiB (measured: 4KiB, 64KiB, 1MiB)" in beyond
    assert any("8,190 visits behind the range" in text for text in beyond)


def test_a_prediction_off_what_the_run_tells_apart_is_named():
    fills = [4 * KIB << step for step in range(10)]
    found = calibrate(made_sweep("src:6.18", names=("pwrite_u1k",), fills=fills, places=("last",)))
    assert list(found.entangled) == ["inside"]  # at a large folio's end always, else never
    full = find_design("full")
    end = cost_of(made_case("pwrite_u1k", fill=MIB, offset=MIB - 4 * KIB), full, block_size=4096)
    assert not any("apart" in text for text in found.extrapolates(end))
    start = cost_of(made_case("pwrite_u1k", fill=MIB), full, block_size=4096)
    assert any("does not vary them apart from the others" in text
               for text in found.extrapolates(start))


@given(name=st.sampled_from(["pwrite_u1k", "pwrite_u10k", "writev_u1k", "writev_u10k"]),
       order=st.integers(0, 9), block=st.sampled_from([1024, 2048, 4096]), data=st.data())
@settings(derandomize=True)
def test_full_visits_every_buffer_of_every_folio_twice_and_tail_no_tail(name, order, block, data):
    case = made_case(name)
    offset = data.draw(st.integers(0, case.file_size - case.length))
    case = case.changed(offset=offset)
    folio = 4096 << order
    folios = (offset + case.length - 1) // folio - offset // folio + 1
    full = cost_of(case, find_design("full"), block_size=block, folio=folio)
    tail = cost_of(case, find_design("tail"), block_size=block, folio=folio)
    bitmap = cost_of(case, find_design("bitmap"), block_size=block, folio=folio)
    assert full.visits == 2 * folios * (folio // block)
    assert full.visits - tail.visits == full.terms["tail"]
    assert tail.terms["tail"] == 0
    assert bitmap.visits == 0 and bitmap.terms["get_block"] == 1
    assert full.terms["folios"] == folios
    # What is copied is the call's bytes: the first word of a piece aligns the rest.
    copied = 8 * full.terms["words"] + full.terms["bytes"]
    assert case.length - 8 * full.terms["pieces"] <= copied <= case.length


def test_random_places_cost_the_mean_of_all_places():
    case, tail = made_case("pwrite_u1k"), find_design("tail")
    every = [cost_of(case.changed(offset=offset), tail, block_size=4096,
                     folio=64 * KIB) for offset in range(0, 64 * KIB, 4096)]
    random = cost_of(case, tail, block_size=4096, folio=64 * KIB, place=RANDOM)
    assert random.visits == sum(cost.visits for cost in every) / len(every)
    assert random.terms["siblings"] == sum(c.terms["siblings"] for c in every) / len(every)


@pytest.mark.parametrize(("order", "offset", "levels", "sibling"), [
    (0, 4096, 2, 0),         # a slot of its own
    (4, 0, 2, 0), (4, 4096, 2, 1),
    (6, 4096, 1, 0),         # one slot, a level up
    (9, 255 * KIB, 1, 0), (9, 256 * KIB, 1, 1)])
def test_the_page_caches_tree_is_descended_to_the_folio(order, offset, levels, sibling):
    case = made_case("pwrite_u1k").changed(offset=offset)
    terms = cost_of(case, find_design("full"), block_size=4096, folio=4096 << order).terms
    assert (terms["levels"], terms["siblings"]) == (levels, sibling)


def made_release(release):
    run = made_sweep("src:6.18")
    return msgspec.structs.replace(run, kernel=msgspec.structs.replace(run.kernel,
                                                                       release=release))


def test_the_design_is_told_by_series_version_and_file_system():
    assert design_of(made_sweep("src:6.18")).name == "full"
    assert design_of(made_sweep("src:6.18+tail")).name == "tail"
    assert design_of(made_sweep("src:6.18+flush")).name == "flush"
    for release, design in (("6.12.118", "full"), ("6.18.46", "full"), ("6.18.50", "tail"),
                            ("7.2.0", "full"), ("7.2.4-arch1", "tail"), ("7.3.4+deb14", "tail")):
        assert design_of(made_release(release)).name == design
    for release, said in (("7.1.13", "no design of the model is like it"),
                          ("6.18.0-5-generic", "cannot be told"), ("zen", "cannot be told")):
        with pytest.raises(ModelError, match=said):
            design_of(made_release(release))
    assert design_of(made_sweep("src:6.18", kind="xfs")).name == "bitmap"
    with pytest.raises(ModelError, match="btrfs"):
        design_of(made_sweep("src:6.18", kind="btrfs"))


def test_the_command_tells_cells_calibrated_on_from_cells_predicted(tmp_path):
    mine, other = tmp_path / "mine.json", tmp_path / "other.json"
    run = made_sweep("src:6.18")
    mine.write_text("[" + encode(run).decode() + "]")  # as sweep --format json writes it
    other.write_bytes(encode(made_sweep("src:6.18", block_size=KIB, fills=(2 * MIB,))))
    done = CliRunner().invoke(model, [
        "predict", "--calibrate", str(mine), "--check", str(other), "--offset", "random"])
    assert done.exit_code == 0, done.output
    assert f"of the {len(run.figures)} cells calibrated on" in done.output
    assert "ext4, 1KiB blocks" in done.output and "of the 9 cells predicted" in done.output


def test_runs_of_two_kernels_are_no_calibration(tmp_path):
    path = tmp_path / "two.json"
    path.write_text(json.dumps([json.loads(encode(made_sweep(spec)))
                                for spec in ("src:6.18", "src:6.18+tail")]))
    done = CliRunner().invoke(model, ["predict", "--calibrate", str(path)])
    assert "it holds 2 runs" in str(done.exception)
    done = CliRunner().invoke(model, ["predict", "--check", str(path)])
    assert "give both" in str(done.exception)


@pytest.mark.parametrize("changes", [{"size": 1 << 31, "file_size": 1 << 40},
                                     {"vectors": 1025, "size": 1}])
def test_what_no_call_takes_is_not_reckoned(changes):
    with pytest.raises(ModelError, match="a call takes at most"):
        cost_of(made_case("writev_u1k", **changes), find_design("full"), block_size=4096)


@given(st.data())
def test_a_run_of_any_figures_is_fitted_or_refused(data):
    run = made_sweep("src:6.18", names=("pwrite_u1k", "writev_u1k"))
    figures = list(run.figures)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(figures) - 1))
        figures[at] = data.draw(st.one_of(
            st.sampled_from(figures),
            st.integers(-(1 << 63), (1 << 63) - 1).map(
                lambda value, of=figures[at]: changed_amount(of, value=value)),
            st.integers(0, 62).map(
                lambda order, of=figures[at]: msgspec.structs.replace(of, written=order))))
    try:
        fitted = calibrate(msgspec.structs.replace(run, figures=figures))
    except ModelError:
        return
    assert worst(fitted.cells) >= 0
    "\n".join(tell_calibration(fitted, []))
