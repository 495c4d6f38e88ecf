# SPDX-License-Identifier: GPL-2.0-or-later
# `make run` and `make test` do all the set-up on a fresh Debian machine.

PACKAGES = python3 python3-venv gcc libc6-dev qemu-system-x86 e2fsprogs util-linux zstd
BUILD_PACKAGES = $(PACKAGES) make flex bison bc libelf-dev perl git ccache
TEST_PACKAGES = $(BUILD_PACKAGES) xfsprogs btrfs-progs chromium chromium-driver

BIN = .venv/bin
TAILWALK = $(BIN)/tailwalk
FILLS = 1MiB 2MiB

.PHONY: help setup run table test test-long check docs clean

help:
	@echo 'make run        v6.12, v6.18 and v7.3 side by side, on real kernels'
	@echo 'make table      v6.12, v6.18 and v6.18 with the series, built from source'
	@echo 'make test       all tests but the long ones'
	@echo 'make test-long  the tests that build many kernels or exercise one for long'
	@echo 'make check      ruff, mypy and the fast tests, in seconds'
	@echo 'make docs       the documentation as a site, in site/'
	@echo 'make setup      .venv with the tool in it'

setup: $(BIN)/.ready

# As root, install the Debian packages that are missing; otherwise name the one line that does.
define install
@missing=$$(for p in $(1); do \
    dpkg-query -W -f '$${Status}\n' $$p 2>/dev/null | grep -q ' installed$$' || echo $$p; done); \
if [ -n "$$missing" ]; then \
    set -- apt-get install -y --no-install-recommends $$missing; \
    if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive "$$@"; \
    else echo "missing packages; as root, run: $$*" >&2; exit 2; fi; \
fi
endef

.PHONY: packages build-packages test-packages
packages:
	$(call install,$(PACKAGES))

build-packages:
	$(call install,$(BUILD_PACKAGES))

test-packages:
	$(call install,$(TEST_PACKAGES))

$(BIN)/.ready: pyproject.toml | packages
	python3 -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check -e '.[dev,docs,proof,dask,parquet]'
	@touch $@

run: packages setup
	$(TAILWALK) compare debian:6.12 debian:6.18 debian:7.3

table: build-packages setup
	@for fill in $(FILLS); do \
	    $(TAILWALK) compare src:6.12 src:6.18 src:6.18+tail --fill $$fill --bad src:6.18 || exit; done

test: test-packages setup
	$(BIN)/pytest -m 'not long'

test-long: test-packages setup
	$(BIN)/pytest -m long

check: build-packages setup
	$(BIN)/ruff check --no-cache src tests benchmarks
	find src tests benchmarks -name '*.[ch]' -exec $(BIN)/clang-format --dry-run --Werror {} +
	$(BIN)/mypy
	$(BIN)/pytest -q -n auto --dist loadfile -m 'not guest and not long' tests/unit tests/docs

docs: setup
	$(BIN)/mkdocs build --strict

clean:
	rm -rf site .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
