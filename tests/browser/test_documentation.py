# SPDX-License-Identifier: GPL-2.0-or-later
"""The documentation's site as a reader meets it: opened from a disk, on a phone and a desk, in both
themes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from contrast import DIM
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.browser

Open = Callable[..., webdriver.Chrome]

# What a page has of: lists, tables, sessions, a picture, long lines, a whole reference.
PAGES = ("index", "tutorial", "how-to/is-my-machine-affected", "explanation/write-path",
         "explanation/applications", "explanation/model", "explanation/upgrade",
         "reference/commands")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "zensical.toml", project)
    shutil.copytree(ROOT / "docs", project / "docs")
    subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=project, check=True,
                   timeout=120, capture_output=True)
    return project / "site"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_whole_and_can_be_read(
        view: Open, site: Path, page: str, width: int, theme: str) -> None:
    browser = view(width=width, theme=theme, path=site / f"{page}.html")
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [message["params"]["request"]["url"] for message in messages
             if message["method"] == "Network.requestWillBeSent"]
    assert asked and all(url.startswith(("file:", "data:")) for url in asked)
    # Nothing is wider than the page but what scrolls in itself.
    assert browser.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    faint, ground, _ = browser.execute_script(DIM)
    assert faint == []
    assert (ground < 0.1) is (theme == "dark")


def test_eighty_columns_have_room_on_a_desk_and_long_lines_go_on(view: Open, site: Path) -> None:
    browser = view(width=1280, path=site / "explanation" / "model.html")
    widths = browser.execute_script("""
return [...document.querySelectorAll("pre > code")].map((code) => {
  const ruler = document.createElement("span");
  ruler.textContent = "0".repeat(80);
  ruler.style.whiteSpace = "pre";
  code.append(ruler);
  const style = getComputedStyle(code);
  const room = code.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const width = ruler.getBoundingClientRect().width;
  ruler.remove();
  return [width <= room, code.scrollWidth <= code.clientWidth];
});""")
    assert len(widths) > 5 and all(fits and whole for fits, whole in widths)


def test_a_copy_button_takes_the_commands_alone(view: Open, site: Path) -> None:
    browser = view(width=1280, path=site / "tutorial.html")
    browser.execute_cdp_cmd("Browser.grantPermissions",
                            {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    block = next(one for one in browser.find_elements(By.CSS_SELECTOR, ".highlight")
                 if "tailwalk run" in one.text)
    assert "Instructions per call" in block.text
    button = block.find_element(By.CSS_SELECTOR, "button")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    WebDriverWait(browser, 30).until(lambda _: browser.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0])")
        == "tailwalk run debian:6.18 --case pwrite_u1k")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_search_finds_in_pages_on_a_disk(view: Open, site: Path, width: int) -> None:
    browser = view(width=width, path=site / "index.html")
    next(one for one in browser.find_elements(
        By.CSS_SELECTOR, ".md-search__button, label[for=__search]") if one.is_displayed()).click()
    # What is searched with lies in a shadow tree of its own.
    tree = "[...document.querySelectorAll('div')].find((one) => one.shadowRoot).shadowRoot"
    field = WebDriverWait(browser, 30).until(lambda _: browser.execute_script(
        f"return {tree}.querySelector('input')"))
    field.send_keys("buffer heads")
    found = WebDriverWait(browser, 30).until(lambda _: browser.execute_script(
        f"return [...{tree}.querySelectorAll('a')].map((one) => one.href)"))
    assert any("write-path.html" in link for link in found)
    field.send_keys(Keys.ENTER)
    WebDriverWait(browser, 30).until(lambda _: "index.html" not in browser.current_url)


def test_a_reader_chooses_the_theme(view: Open, site: Path) -> None:
    browser = view(width=1280, theme="light", path=site / "index.html")
    scheme = "return document.body.dataset.mdColorScheme"
    seen = [browser.execute_script(scheme)]
    for _ in range(2):
        button = next(one for one in browser.find_elements(
            By.CSS_SELECTOR, "[data-md-component=palette] label") if one.is_displayed())
        button.click()
        seen.append(browser.execute_script(scheme))
    assert seen == ["default", "default", "slate"]
    browser.get((site / "tutorial.html").as_uri())  # and it holds on the next page
    assert browser.execute_script(scheme) == "slate"
    browser.execute_script("localStorage.clear()")
