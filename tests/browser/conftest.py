# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, and a page to open in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from made_page import made_page
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from skips import lacking

# --no-sandbox: Chromium refuses to start one as root. The others keep it off the network.
_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
              "--disable-quic", "--no-first-run", "--disable-background-networking",
              "--disable-component-update", "--disable-sync", "--hide-scrollbars")


@pytest.fixture(scope="session")
def chromium() -> Iterator[webdriver.Chrome]:
    """One browser for all tests."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        lacking("chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=Service(driver)) as found:
        found.set_page_load_timeout(60)
        # A tab behind the last stop leaves the page, which then hears of no focus until it is back.
        found.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
        yield found


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(made_page(), encoding="utf-8")
    return path


@pytest.fixture
def view(chromium: webdriver.Chrome, page_file: Path) -> Callable[..., webdriver.Chrome]:
    """Open the page, or another, as wide and in the theme that are asked for."""
    def opened(*, width: int = 1200, theme: str = "light",
               path: Path = page_file) -> webdriver.Chrome:
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": theme},
                         {"name": "prefers-reduced-motion", "value": "reduce"}]})
        for kind in ("browser", "performance"):
            chromium.get_log(kind)  # what an earlier test left
        chromium.get(path.as_uri())
        return chromium

    return opened
