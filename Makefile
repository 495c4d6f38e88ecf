# SPDX-License-Identifier: GPL-2.0-or-later
# `make run` and `make test` do all the set-up on a fresh Debian machine.

EXTRAS = dev,docs,proof,dask,parquet
TAILWALK = .venv/bin/tailwalk
FILLS = 1MiB 2MiB

# Each of the processes that tests start would compile all of Tailwalk anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run upgrade table test test-long faults check check-lowest check-newest docs \
    dist lock clean fuzz

help:
	@echo 'make run           v6.12, v6.18 and v7.3 side by side, on real kernels'
	@echo 'make upgrade       every case of the upgrade test, from v6.12 to v6.18 and v7.3'
	@echo 'make table         v6.12, v6.18 and v6.18 with the series, built from source'
	@echo 'make test          all tests but the long ones'
	@echo 'make test-long     the tests that build many kernels or exercise one for long'
	@echo 'make faults        failing disks and killed commands by the hundred: an hour'
	@echo 'make check         ruff, mypy and the fast tests, in half a minute'
	@echo 'make check-lowest  the same with the lowest versions that pyproject.toml allows'
	@echo 'make check-newest  the same with the newest versions there are'
	@echo 'make fuzz          the C that reads what guests and hosts send, fuzzed'
	@echo 'make docs          the documentation as a site, in site/'
	@echo 'make dist          wheel and sdist in dist/, and a look into both'
	@echo 'make setup         .venv with the tool in it'
	@echo 'make lock          choose the versions that .venv is made of anew'

setup: .venv/run

.PHONY: packages build-packages check-packages test-packages test-long-packages
packages:
	@sh requirements/programs.sh run

build-packages:
	@sh requirements/programs.sh build

check-packages:
	@sh requirements/programs.sh check

test-packages:
	@sh requirements/programs.sh test

test-long-packages:
	@sh requirements/programs.sh test-long

# $(call locked,ENVIRONMENT,LOCK): the lock's packages and, from this folder, Tailwalk.
define locked
@echo 'installing the packages of $(2) into $(1)' >&2
@$(1)/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r $(2)
@$(1)/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endef

.venv/run: requirements/run.txt pyproject.toml | packages
	@python3 -m venv .venv
	$(call locked,.venv,requirements/run.txt)
	@touch $@

.venv/test: requirements/test.txt .venv/run
	$(call locked,.venv,requirements/test.txt)
	@touch $@

.venv-lowest/test: requirements/lowest.txt pyproject.toml requirements/python.sh | packages
	@python=$$(sh requirements/python.sh 3.11) && $$python -m venv .venv-lowest
	$(call locked,.venv-lowest,requirements/lowest.txt)
	@touch $@

# The newest are others every day: pip looks each time.
.PHONY: newest
newest: | packages
	@python=$$(sh requirements/python.sh) && $$python -m venv .venv-newest && \
	    echo "installing the newest packages into .venv-newest, for $$($$python --version)" >&2
	@.venv-newest/bin/pip install -q --disable-pip-version-check --upgrade \
	    --upgrade-strategy eager -e '.[$(EXTRAS)]'

# The same versions for every Python that pyproject.toml allows, with their checksums; the lowest
# are those of the packages it names, for the oldest Python.
LOCK = .venv-lock/bin/uv pip compile -q --upgrade --no-header --no-annotate --generate-hashes \
    --no-build --group build --python-version 3.11
lock:
	@python3 -m venv .venv-lock
	@echo 'installing uv into .venv-lock' >&2
	@.venv-lock/bin/pip install -q --disable-pip-version-check --upgrade uv
	$(LOCK) --universal --all-extras pyproject.toml -o requirements/test.txt
	$(LOCK) --universal -c requirements/test.txt pyproject.toml -o requirements/run.txt
	$(LOCK) --resolution lowest-direct --all-extras pyproject.toml -o requirements/lowest.txt

run: packages setup
	$(TAILWALK) compare debian:6.12 debian:6.18 debian:7.3

upgrade: packages setup
	$(TAILWALK) upgrade debian:6.12 debian:6.18 debian:7.3

table: build-packages setup
	@for fill in $(FILLS); do \
	    $(TAILWALK) compare src:6.12 src:6.18 src:6.18+tail --fill $$fill --regressed src:6.18 || exit; done

test: test-packages .venv/test
	.venv/bin/pytest -m 'not long'

faults: test-packages .venv/test
	.venv/bin/python tests/fault/every_call.py
	PYTHONPATH=tests .venv/bin/python tests/fault/storage.py

# Needs clang with its sanitizers (Debian: clang, libclang-rt-dev); each harness takes so long.
SECONDS = 30
fuzz: .venv/test
	.venv/bin/python tests/fuzz/fuzz.py --seconds $(SECONDS)

test-long: test-long-packages .venv/test
	.venv/bin/pytest -m long

define checks
$(1)/bin/ruff check --no-cache src tests benchmarks
$(1)/bin/mypy --cache-dir $(1)/mypy & types=$$!; \
$(1)/bin/pytest -q -n auto --dist loadfile -m 'not guest and not slow and not long' --hypothesis-profile quick tests/unit tests/docs; \
tests=$$?; wait $$types && exit $$tests
endef

check: check-packages .venv/test
	find src tests benchmarks -name '*.[ch]' -exec .venv/bin/clang-format --dry-run --Werror {} +
	$(call checks,.venv)

check-lowest: check-packages .venv-lowest/test
	$(call checks,.venv-lowest)

check-newest: check-packages newest
	$(call checks,.venv-newest)

docs: .venv/test
	.venv/bin/zensical build --clean --strict

# Wheel and sdist; the tests look into both, and at what the wheel does where nothing else is.
dist: .venv/test
	rm -rf dist
	.venv/bin/hatchling build
	.venv/bin/pytest -q tests/package/test_wheel.py -m 'not guest'

clean:
	rm -rf site .cache dist .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis
