# SPDX-License-Identifier: GPL-2.0-or-later
"""The report page as a reader meets it: in a real browser, by pointer, keyboard and finger."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from contrast import DIM
from made_page import made_page
from made_programs import made_on_kernel, made_program, made_row
from made_runs import COUNTS, SEED, made_figure, made_run, made_seed_runs
from msgspec.structs import replace
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tailwalk.cases import find_cases
from tailwalk.compare import compare
from tailwalk.compare.applications import application
from tailwalk.compare.steps import track
from tailwalk.compare.upgrade import upgrade, with_profiles
from tailwalk.profile.causes import Explained
from tailwalk.report.page import page
from tailwalk.report.sections import track_section, upgrade_sections

pytestmark = pytest.mark.browser

Open = Callable[..., webdriver.Chrome]

TABLE = "#comparison table.sortable"


def texts(browser: webdriver.Chrome, selector: str) -> list[str]:
    return [one.text for one in browser.find_elements(By.CSS_SELECTOR, selector)]


def first_column(browser: webdriver.Chrome) -> list[str]:
    return texts(browser, f"{TABLE} tbody th")


def said(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.ID, "said").text


def focused(browser: webdriver.Chrome) -> str:
    return browser.execute_script("return document.activeElement.dataset.said || ''")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_no_error_and_no_request(view: Open, width: int, theme: str, page_file: Path) -> None:
    browser = view(width=width, theme=theme)
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {message["params"]["request"]["url"] for message in messages
             if message["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith("data:")} == {page_file.as_uri()}


def test_errors_and_requests_would_be_seen(view: Open, tmp_path: Path, page_file: Path) -> None:
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(page_file.read_text(encoding="utf-8").replace(
        "</body>", '<img src="beside.png"><script>nothing.there</script></body>'),
        encoding="utf-8")
    browser = view(path=spoilt)
    logged = " ".join(entry["message"] for entry in browser.get_log("browser"))
    assert "beside.png" in logged and "nothing is not defined" in logged


def test_it_opens_with_the_verdict(view: Open) -> None:
    browser = view()
    assert texts(browser, "h1") == [
        "debian:6.18 costs more than debian:6.12; debian:7.3 takes most of it back."]
    assert texts(browser, ".size") == [
        "debian:6.18: up to 5.05 times in 5 of 6. debian:7.3: back at 0.66 to 1.03 of debian:6.12."]
    assert texts(browser, "#comparison .says") == [
        "debian:6.18 regressed in 5 of 6 cases against debian:6.12, most in pwrite_u1k (5.05×); "
        "debian:7.3 recovers 99.2% of it in 2 of 5 cases and all of it in 3, ending at 0.66 of "
        "the baseline."]
    assert texts(browser, "h2") == ["The figures", "Where in the folio", "Which functions",
                                    "Over releases", "Conditions", "Repeat it",
                                    "Every figure, and the command that gives its functions"]
    assert f"{COUNTS['debian:6.18'][2]:,}" in browser.find_element(By.CSS_SELECTOR, TABLE).text
    for anchor in browser.find_elements(By.CSS_SELECTOR, "nav a"):
        target = anchor.get_attribute("href").partition("#")[2]
        assert browser.find_elements(By.ID, target)


def test_the_size() -> None:
    assert len(made_page().encode()) < 500_000


def test_tables_sort_and_say_so(view: Open) -> None:
    browser = view()
    names = [case.name for case in SEED]
    assert first_column(browser) == names
    heads = browser.find_elements(By.CSS_SELECTOR, f"{TABLE} th[aria-sort]")
    figures = dict(zip(names, COUNTS["debian:6.18"], strict=True))
    by_figure = sorted(names, key=lambda name: figures[name])
    for order, rows in (("descending", by_figure[::-1]), ("ascending", by_figure),
                        ("none", names)):
        heads[2].find_element(By.TAG_NAME, "button").click()
        assert heads[2].get_attribute("aria-sort") == order
        assert first_column(browser) == rows
    announced = browser.find_element(By.ID, "sorted")
    assert announced.get_attribute("role") == "status"

    # What has no value stays last, whichever way the others go.
    recovery = heads[-1].find_element(By.TAG_NAME, "button")
    for order in ("descending", "ascending"):
        recovery.send_keys(Keys.ENTER)
        assert first_column(browser)[-1] == "writev_u10k"
        assert announced.get_attribute("textContent") == (
            f"Sorted by debian:7.3, recovery, {order}.")
    assert [head.get_attribute("aria-sort") for head in heads].count("none") == len(heads) - 1

    heads[0].find_element(By.TAG_NAME, "button").click()
    assert first_column(browser) == sorted(names, key=lambda name: (
        re.sub(r"\d+", lambda digits: digits[0].zfill(4), name)))


def test_every_mark_says_its_figure_to_a_pointer(view: Open) -> None:
    browser = view()
    marks = browser.find_elements(By.CSS_SELECTOR, "#comparison .mark")
    expected = [f"{case.name} on {spec}: {COUNTS[spec][row]:,} instructions/call"
                for row, case in enumerate(SEED)
                for spec in ("debian:6.12", "debian:6.18", "debian:7.3")]
    assert [mark.get_attribute("data-said") for mark in marks] == expected
    assert [mark.get_attribute("aria-label") for mark in marks] == expected
    for number in (0, 7, 17):
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", marks[number])
        ActionChains(browser, duration=0).move_to_element(marks[number]).perform()
        assert said(browser) == expected[number]
    ActionChains(browser, duration=0).send_keys(Keys.ESCAPE).perform()
    assert not browser.find_element(By.ID, "said").is_displayed()
    ActionChains(browser, duration=0).move_to_element(marks[0]).perform()
    ActionChains(browser, duration=0).move_to_element(
        browser.find_element(By.TAG_NAME, "h2")).perform()
    assert not browser.find_element(By.ID, "said").is_displayed()


def test_a_mark_stands_where_its_ratio_is(view: Open) -> None:
    """On a log scale: equal ratios are equal distances, and the axis says the same."""
    browser = view()
    place = browser.execute_script("""
        const middle = (one) => { const box = one.getBoundingClientRect();
                                  return box.left + box.width / 2; };
        const chart = document.querySelector("#comparison .chart");
        return [[...chart.querySelectorAll(".mark")].map(middle),
                [...chart.querySelectorAll(".axis text")].map((one) => [one.textContent,
                                                                       middle(one)])]""")
    marks, axis = place
    (low, left), (high, right) = [(float(text.replace(",", "")), x)
                                  for text, x in (axis[0], axis[-1])]
    values = [COUNTS[spec][row] / COUNTS["debian:6.12"][row] for row in range(len(SEED))
              for spec in ("debian:6.12", "debian:6.18", "debian:7.3")]
    for x, value in zip(marks, values, strict=True):
        read = low * (high / low) ** ((x - left) / (right - left))
        assert read == pytest.approx(value, rel=0.01)


def test_cells_and_frames_say_their_figures(view: Open) -> None:
    browser = view()
    cells = browser.find_elements(By.CSS_SELECTOR, f"{TABLE} td[data-said]")
    assert "2,230 instructions/call, 99.3% of the calls" in cells[0].get_attribute("data-said")
    heat = [cell.get_attribute("data-said")
            for cell in browser.find_elements(By.CSS_SELECTOR, "#sweep .heat td[data-said]")]
    assert f"fill 2MiB, last: {2000 + 29 * 511:,} instructions/call" in heat
    frames = [frame.get_attribute("aria-label")
              for frame in browser.find_elements(By.CSS_SELECTOR, "#why .frame")]
    assert ("block_commit_write on debian:6.18: 4,385 instructions/call with callees (+4,336); "
            "itself 49 on debian:6.12 and 4,385 on debian:6.18 (+4,336)") in frames
    browser.find_element(By.CSS_SELECTOR, "#why details:last-of-type summary").click()
    tree = browser.find_element(By.CSS_SELECTOR, "#why .tree").text
    assert "4,385" in tree and "+4,336" in tree


def test_by_keyboard_alone(view: Open) -> None:
    browser = view()
    keys = ActionChains(browser, duration=0)

    def press(key: str) -> None:
        keys.send_keys(key).perform()

    seen = []
    for _ in range(120):
        press(Keys.TAB)
        name = browser.execute_script("""
            const one = document.activeElement, group = one.closest("section, header");
            if (one === document.body) return null;
            return [group && (group.id || group.tagName), one.tagName,
                    one.dataset.said || one.getAttribute("aria-label") || one.textContent,
                    Boolean(one.getAttribute("aria-labelledby"))]""")
        if name is None:
            break
        seen.append(tuple(name))
    assert all(text.strip() or labelled for _, _, text, labelled in seen)
    order = list(dict.fromkeys(group for group, *_ in seen))
    assert order[:6] == ["HEADER", "comparison", "sweep", "why", "track", "conditions"]
    marks = [one for one in seen if one[0] == "comparison" and one[1].lower() == "path"]
    assert len(marks) == 1, "the chart is one stop of the tab key"

    mark = browser.find_element(By.CSS_SELECTOR, "#comparison .mark")
    browser.execute_script("arguments[0].focus()", mark)
    assert said(browser) == focused(browser) == "write_u1k on debian:6.12: 2,230 instructions/call"
    press(Keys.ARROW_RIGHT)
    assert said(browser) == "write_u1k on debian:6.18: 11,147 instructions/call"
    press(Keys.ARROW_DOWN)
    assert said(browser).endswith("debian:7.3: 2,301 instructions/call") or (
        "write_u10k" in said(browser))
    press(Keys.END)
    assert said(browser) == "writev_u10k on debian:7.3: 17,443 instructions/call"
    press(Keys.HOME)
    assert said(browser) == focused(browser) == "write_u1k on debian:6.12: 2,230 instructions/call"
    assert browser.execute_script(
        "return document.querySelectorAll('#comparison .mark[tabindex=\"0\"]').length") == 1

    cell = browser.find_element(By.CSS_SELECTOR, f"{TABLE} td[data-said]")
    browser.execute_script("arguments[0].focus()", cell)
    press(Keys.ARROW_DOWN)
    assert focused(browser).startswith("5,391 instructions/call")


def test_a_screen_reader_finds_names(view: Open) -> None:
    browser = view()
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = [(node["role"]["value"], node.get("name", {}).get("value", ""))
             for node in nodes if not node.get("ignored")]
    roles = {role for role, _ in named}
    assert {"heading", "navigation", "main", "table", "columnheader", "rowheader", "cell",
            "region", "figure", "image"} <= roles
    for role, name in named:
        if role in ("region", "image", "button", "link", "heading", "table", "figure"):
            assert name.strip(), role
    assert ("image", "pwrite_u1k on debian:6.18: 11,120 instructions/call") in named


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_can_be_read_in_both_themes(view: Open, theme: str) -> None:
    faint, ground, cells = view(theme=theme).execute_script(DIM)
    assert faint == []
    assert (ground < 0.1) is (theme == "dark")
    assert cells > 50


@pytest.fixture(scope="session")
def heat_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A track of a whole suite over seven kernels, with ratios from a quarter to four."""
    cases = find_cases(["lts"])
    runs = [made_run(f"debian:6.{kernel}", [
        made_figure(case, round(80000 * 4.2 ** ((number * 7 + kernel) % 41 / 20 - 1))
                    if kernel else 80000)
        for number, case in enumerate(cases)], release=f"6.{kernel}.1") for kernel in range(7)]
    path = tmp_path_factory.mktemp("heat") / "track.html"
    path.write_text(page([track_section(track(runs), runs)]), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def upgrade_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgrade of which a case was profiled, in a function with a long name."""
    runs = made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3")
    comparison = compare(runs, bad=1)
    found = with_profiles(upgrade(comparison, runs), {SEED[2]: Explained(
        difference=8917, carriers=[("ext4_" + "block_" * 12 + "begin", 8900)], causes=[])})
    kernels = comparison.kernels
    rows = [made_row("fdatasync", 10, {"ext4_sync_file": 100_000}, file="ext4")]
    beside = made_program(*(made_on_kernel(one.spec, rows, release=one.release, digest=one.digest)
                            for one in kernels))
    long = replace(beside, command=["/usr/bin/sqlite3", "--" + "option" * 12, "a b c d e f g"])
    path = tmp_path_factory.mktemp("upgrade") / "upgrade.html"
    path.write_text(page(upgrade_sections(found, comparison, runs, [
        application(one, kernels) for one in (beside, long)])), encoding="utf-8")
    return path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_upgrade_is_read_and_followed_to_its_functions(
        view: Open, upgrade_file: Path, theme: str) -> None:
    browser = view(width=390, theme=theme, path=upgrade_file)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    assert browser.execute_script(DIM)[0] == []
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    cut = browser.execute_script("""
        return [...document.querySelectorAll(
            "#upgrade .scroll, #applications .scroll.narrow")].filter((one) =>
                one.getClientRects().length && one.scrollWidth > one.clientWidth)
            .map((one) => one.getAttribute("aria-labelledby"))""")
    assert cut == []
    link = browser.find_element(By.CSS_SELECTOR, ".heat-cell a.known")
    assert link.text == "5.05"
    link.send_keys(Keys.ENTER)
    assert "pwrite_u1k" in browser.find_element(By.CSS_SELECTOR, ":target").text
    top, height = browser.execute_script("""
        return [document.querySelector(":target").getBoundingClientRect().top, innerHeight]""")
    assert 0 <= top < height


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_heat_map_can_be_read_at_every_depth(view: Open, heat_file: Path, theme: str) -> None:
    browser = view(theme=theme, path=heat_file)
    faint, _, cells = browser.execute_script(DIM)
    assert faint == []
    assert cells > 700
    depths = browser.execute_script("""
        return [...document.querySelectorAll("td.heat-cell")].map(
            (one) => `${one.classList[1]} ${one.style.getPropertyValue("--depth")}`)""")
    assert len(set(depths)) > 40


def test_a_heat_map_scrolls_in_its_box(view: Open, heat_file: Path) -> None:
    browser = view(width=390, path=heat_file)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    name, last, edge = browser.execute_script("""
        const region = document.querySelectorAll(".ratios")[1].parentNode;
        region.scrollLeft = 1e4;
        const row = region.querySelector("tbody tr:nth-child(2)");
        return [row.querySelector("th").getBoundingClientRect().left,
                row.querySelector("td:last-child").getBoundingClientRect().right,
                region.getBoundingClientRect().right]""")
    assert name >= 0 and last <= edge + 1


def test_a_cell_of_a_heat_map_leads_to_how_its_functions_are_had(
        view: Open, heat_file: Path) -> None:
    browser = view(path=heat_file)
    cell = browser.find_elements(By.CSS_SELECTOR, ".ratios tr:not(.family) td.dearer")[-1]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", cell)
    ActionChains(browser, duration=0).move_to_element(cell).perform()
    assert " instructions/call, " in said(browser)
    cell.find_element(By.TAG_NAME, "a").send_keys(Keys.ENTER)
    line = browser.find_element(By.CSS_SELECTOR, "li:target")
    assert line.find_element(By.TAG_NAME, "code").text.startswith("tailwalk why debian:6.0")
    stops = browser.execute_script("""
        return [...document.querySelectorAll(".ratios a")].filter((one) => one.tabIndex >= 0)
            .length""")
    assert stops < 30  # a table, and the families' names


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_window_scrolls_tables_and_nothing_else(view: Open, width: int) -> None:
    browser = view(width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    outside = browser.execute_script("""
        document.querySelectorAll("details").forEach((one) => { one.open = true; });
        return [...document.querySelectorAll("body *")].filter((one) =>
            !one.closest(".scroll, svg, .unseen, [hidden]") && one.getClientRects().length &&
            one.getBoundingClientRect().right > innerWidth + 0.5)
            .map((one) => one.outerHTML.slice(0, 80))""")
    assert outside == []
    reached = browser.execute_script("""
        const region = document.querySelector("#comparison .scroll");
        region.scrollLeft = 1e4;
        const last = region.querySelector("tbody td:last-child").getBoundingClientRect();
        return [last.right, region.getBoundingClientRect().right]""")
    assert reached[0] <= reached[1] + 1


def test_a_phone_shows_a_map_and_the_functions_whole(view: Open) -> None:
    cut = view(width=390).execute_script("""
        return [...document.querySelectorAll("#sweep .scroll, #why .scroll:has(.lines)")]
            .map((one) => [one.scrollWidth <= one.clientWidth, one.innerText.slice(0, 40)])""")
    assert len(cut) > 2
    assert [name for whole, name in cut if not whole] == []


def test_a_finger_is_told_too(view: Open) -> None:
    browser = view(width=390)
    mark = browser.find_elements(By.CSS_SELECTOR, "#comparison .mark")[1]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    box = browser.execute_script(
        "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, "
        "b.y + b.height / 2]", mark)
    touch = {"x": round(box[0]), "y": round(box[1])}
    browser.execute_cdp_cmd("Input.dispatchTouchEvent",
                            {"type": "touchStart", "touchPoints": [touch]})
    browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert said(browser) == "write_u1k on debian:6.18: 11,147 instructions/call"
    shown = browser.find_element(By.ID, "said").rect
    assert shown["x"] >= 0 and shown["x"] + shown["width"] <= 390


def test_figures_can_be_selected(view: Open) -> None:
    browser = view()
    copied = browser.execute_script("""
        getSelection().selectAllChildren(document.querySelector("main"));
        return getSelection().toString()""")
    assert "instructions/call" in copied
    for spec in ("debian:6.12", "debian:6.18", "debian:7.3"):
        assert all(f"{count:,}" in copied for count in COUNTS[spec])
    assert "tailwalk compare debian:6.12.95 debian:6.18.15 debian:7.3.4 --case seed" in copied


def test_paper_holds_what_is_folded(view: Open) -> None:
    browser = view(theme="dark")
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    folded = "return document.querySelectorAll('details:not([open])').length"
    assert browser.execute_script(folded) == 0
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script(folded) > 0
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_the_ratio_is_the_second_column_and_nothing_is_cut(view: Open,
                                                                      theme: str) -> None:
    browser = view(width=390, theme=theme)
    narrow = browser.find_element(By.CSS_SELECTOR, "#comparison .narrow")
    assert narrow.is_displayed()
    assert not browser.find_element(By.CSS_SELECTOR, TABLE).is_displayed()
    rows = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")]
            for row in narrow.find_elements(By.CSS_SELECTOR, "tbody tr")]
    assert rows[2] == ["pwrite_u1k", "5.05×\n11,120", "1.03×\n2,274, 99.2%", "2,203"]
    assert browser.execute_script(
        "return arguments[0].scrollWidth <= arguments[0].clientWidth", narrow)
    assert browser.execute_script(DIM)[0] == []
