# make run: everything from nothing to one mailbox that is seen working. make test: all checks, all tests.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
UPGRADE ?= --upgrade

# What Python compiled is kept: hundreds of short programs start in a run of the tests, each with the whole panel.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-long check bench bench-peers assets setup setup-tests lock references translations pictures clean help

run: setup  ## Start lab, panel and worker, do the main job once for real, and say where to look
	@exec .ci/as-root $(PYTHON) -m panel.cli run

test: setup-tests check  ## Set up, check, and run every test
	@exec .ci/as-root $(PYTHON) -m tests.whole

test-long: setup-tests  ## Break the whole on purpose, long: the API by its description, everybody asked about everything, 200 random sequences of faults, every guard taken out once
	@.ci/as-root $(PYTHON) -m tests.fuzzing
	@.ci/as-root env CIS_MATRIX=all CIS_KEYS=all $(PYTHON) -m pytest tests/matrix tests/browser/test_keyboard_people.py
	@exec .ci/as-root env CIS_SEQUENCES=200 CIS_MUTATIONS=all $(PYTHON) -m pytest tests/faults tests/mutations

check: setup  ## Formatting, lint, types, import contracts, dead code, translations, house rules
	@$(PYTHON) -m tests.checks

bench: setup  ## Measure; prints a table and writes JSON to var/bench/
	@.ci/set-up bench
	@exec .ci/as-root $(PYTHON) -m tests.bench

bench-peers: setup  ## The same work with Ansible, pyinfra and Modoboa, in the same run; prints ratios
	@.ci/set-up peers
	@exec .ci/as-root $(PYTHON) -m tests.bench.peers

setup:
	@.ci/set-up

setup-tests:
	@.ci/set-up tests

assets:  ## Fetch the front-end files again
	@rm -f var/setup/assets
	@.ci/set-up

references: setup  ## Write again the parts of docs/reference that are made from the code
	@$(PYTHON) -m tests.checks.references --write

translations: setup  ## Bring the catalogues in step with the texts in the code
	@$(PYTHON) -m tests.checks.translations --update

pictures: setup-tests  ## Take the documentation's pictures again, from a real panel
	@exec .ci/as-root $(PYTHON) -m tests.screenshots

lock: setup  ## Pin again the newest Python packages that pyproject.toml allows
	@.venv/bin/uv pip compile --quiet $(UPGRADE) --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --group dev pyproject.toml --output-file requirements.lock

clean:  ## Remove what set-up and tools made; the lab's and the panel's data stay in var/
	@rm -rf .venv node_modules panel/static/vendor var/setup .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 21
