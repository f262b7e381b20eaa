# Two commands on a fresh machine with python3 >= 3.11, git and make:
#   make demo    see it work (make demo ARGS=--once: once through, then end)
#   make test    every gate; ends with pytest's summary
.DEFAULT_GOAL := test
.PHONY: setup test lint compiled wheel unit cover demo torture bench image clean constraints lock digest
bin := .venv/bin
# bytecode is kept whatever the surroundings say: without it every process compiles all of the program anew
unexport PYTHONDONTWRITEBYTECODE
# what the built wheel is asked to do, each in quotes
WHEEL_COMMANDS ?= version "demo --once"

setup:
	@.ci/setup

test: setup
	@.ci/firebird install
	@.ci/caddy install
	@.ci/pgbouncer install
	@$(MAKE) --no-print-directory --jobs=2 lint compiled # mypy has one processor busy, and the tests would wait for the other
	@$(MAKE) --no-print-directory --jobs=2 wheel unit # the wheel's demonstration waits most of its time
	@.ci/firebird say
	@.ci/caddy say
	@.ci/pgbouncer say

lint: setup
	@$(bin)/ruff check --quiet . || { echo 'ruff: FAILED'; exit 1; }
	@$(bin)/mypy --no-error-summary || { echo 'mypy: FAILED'; exit 1; }
	@report=$$($(bin)/lint-imports --no-logo 2>&1) || { echo "$$report"; echo 'lint-imports: FAILED'; exit 1; }
	@echo 'ruff, mypy, lint-imports: passed'

# pytest rewrites every test before it runs any, and each of its workers would do that for itself
compiled: setup
	@$(bin)/pytest --collect-only --quiet >/dev/null 2>&1 || true # what is wrong there the tests will say

wheel: setup
	@.ci/wheel $(WHEEL_COMMANDS)

# twice as many as processors: many tests wait, for a process that starts or a CRM that is away
workers := $(shell echo $$(($$(nproc) * 2)))

# ARGS goes to pytest: make unit ARGS='tests/config -x'
unit: setup
	@$(bin)/pytest --quiet -n $(workers) --dist worksteal $(ARGS)
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	  echo 'SKIPPED: no Chromium is here, so nobody looked at the pages (apt-get install chromium)'

# The same, with every line and branch traced: at least 95 % of them are reached. Twice the time, so before a release.
cover: setup
	@$(bin)/pytest --quiet -n $(workers) --dist worksteal --cov --cov-report= $(ARGS)
	@$(bin)/coverage report --show-missing --skip-covered

torture: setup
	@$(bin)/pytest --quiet -n auto -m torture --timeout 3600 $(ARGS)

demo: setup
	@$(bin)/chat2crm demo $(ARGS)

bench: setup
	@for file in bench/bench_*.py; do echo "== $$file"; $(bin)/python "$$file" $(ARGS) || exit 1; done

image:
	docker build --tag chat2crm .

# Write down what is installed now as the pins: make constraints, after trying newer versions in .venv
constraints: setup
	@{ sed -n '/^#/p' constraints.txt; $(bin)/python -m pip list --format freeze --exclude chat2crm | LC_ALL=C sort -f; } >constraints.new
	@mv constraints.new constraints.txt

# The same versions with the sums of their files, which is what the image installs: after each change of constraints.txt
lock: setup
	@$(bin)/python .ci/lock

# Which image `FROM` names today, to the byte. Write it behind the name in the Dockerfile: python:3.12-slim@sha256:…
digest:
	@docker buildx imagetools inspect "python:$$(sed -n 's/^ARG PYTHON=//p' Dockerfile)-slim" --format '{{.Manifest.Digest}}'

clean:
	rm -rf .venv build dist .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
