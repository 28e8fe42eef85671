# Start with `make demo` and `make test`. Both do all setup first, and reuse it.
PYTHON ?= python3
VENV := .venv
PHOTOS ?= safelight/demo_images
BIN := $(VENV)/bin
# Random runs with injected faults, and `--thorough` for all tests. `make test` has fewer of both, to take less time.
FAULT_RUNS := 10000
THOROUGH :=
MUTANTS :=
# The end-to-end tests wait much of their time, so other tests run beside them, and npm beside pip. Each target prints when
# it has ended.
CONCURRENTLY = $(MAKE) --no-print-directory --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
# Without bytecode, each process would compile the code and the tests again.
unexport PYTHONDONTWRITEBYTECODE
AUDIT := .venv-audit
CHECKOV := .venv-checkov
BOX := .venv-box
GENERATORS := .venv-generators
# Package hashes, digests of images, base64 images, IDs in examples, and tests, whose keys are fake.
NO_SECRETS := ^(\./)?(requirements/|tests/|docs/postman/|benchmarks/package-lock|clients/typescript/(package-lock|src/schema|examples/nextjs/package-lock)|benchmarks/(public_images|facts_equality)\.json|safelight/demo_images/|api/openapi/examples\.json|docs/openapi\.json|docs/notifications\.md)
SITE := $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html -c docs/site -d build/site.cache . build/site
# pip compiles on one core; this does it on all, and leaves out what nothing imports. Processes that start at the same time
# would each compile the code for themselves.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile
COMPILE := $(BIN)/python -m compileall -q -j 0 -x 'site-packages/(pip|mypy|mypyc|setuptools)/|site-packages/.*/(tests|lexers|physics)/' $(VENV)/lib api worker notifier shared infra safelight

.PHONY: help demo up down pull test test-all test-localstack check no-engine unit integration hostile lambda-box faults e2e kills attack mutants browser format bench scale docs lock audit sbom clean

help: ## Show the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.local ## Start the embedded engine and process real images on it
	@$(BIN)/safelight demo

up: $(VENV)/.local ## Start the embedded engine and deploy
	@$(BIN)/safelight up

down: $(VENV)/.local ## Stop the embedded engine; keep its data
	@$(BIN)/safelight down

pull: ## Pull and build the images of docker-compose.yml for offline use
	docker compose --profile pull pull localstack lambda
	docker compose build deploy

test: ## Run all checks and tests
	+@$(CONCURRENTLY) FAULT_RUNS=100 e2e check no-engine browser

test-all: ## The same as test, with all cases, random runs, requests and kills, mutants, Lambda's runtime, and the audit
	+@$(CONCURRENTLY) $(GENERATORS)/.node
	+@$(CONCURRENTLY) THOROUGH=--thorough e2e check no-engine audit browser
	+@$(MAKE) --no-print-directory lambda-box mutants

test-localstack: $(VENV)/.dev ## Run the end-to-end tests on LocalStack (LOCALSTACK_ENDPOINT, or docker-compose.yml)
	$(BIN)/pytest tests/e2e --engine localstack -q -rs --durations 12

check: $(VENV)/.dev ## Check lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

no-engine: $(VENV)/.dev $(if $(THOROUGH),$(VENV)/.diagrams) ## Run unit, structure, integration, hostile and faults together
	$(BIN)/pytest tests/faults tests/hostile tests/integration tests/unit tests/structure $(THOROUGH) --fault-runs $(FAULT_RUNS) -n auto --dist worksteal -q

unit: $(VENV)/.dev $(if $(THOROUGH),$(VENV)/.diagrams) ## Run the tests that need no AWS, and those of the template and the documents
	$(BIN)/pytest tests/unit tests/structure $(THOROUGH) -n auto -q

integration: $(VENV)/.dev ## Run the tests on moto
	$(BIN)/pytest tests/integration $(THOROUGH) -n auto -q

hostile: $(VENV)/.dev ## Run hostile files and fuzzing through the sandbox
	$(BIN)/pytest tests/hostile $(THOROUGH) -n auto --dist loadfile -q

lambda-box: $(VENV)/.dev $(BOX)/.done ## Run the Lambda packages under Lambda's runtime and restrictions; skipped without root or Python 3.13, except in CI
	$(BIN)/pytest tests/lambda_box -q

faults: $(VENV)/.dev ## Run 10,000 simulations with injected faults (FAULT_RUNS=NUMBER), and each single fault
	$(BIN)/pytest tests/faults $(THOROUGH) --fault-runs $(FAULT_RUNS) -n auto -q

e2e: $(VENV)/.dev $(if $(THOROUGH),$(VENV)/.newman) ## Run the end-to-end tests, then check that each function uses all its permissions
	rm -rf build/calls
	CALLS_FOLDER="$(CURDIR)/build/calls" $(BIN)/pytest tests/e2e $(THOROUGH) -n 3 --dist loadfile --no-loadscope-reorder --durations 8 -q
	CALLS_FOLDER="$(CURDIR)/build/calls" $(BIN)/pytest tests/rights -q

kills: $(VENV)/.dev ## Run 1,000 jobs twice while function processes are killed at random
	$(BIN)/pytest tests/e2e/test_process_kills.py --thorough --kill-jobs 1000 -q

attack: $(VENV)/.dev ## Ingest 240 files while processes of every kind are killed
	SAFELIGHT_ATTACK_FILES=240 $(BIN)/pytest tests/e2e/test_ingest_attack.py -q

mutants: $(VENV)/.dev ## Run hand-written mutants of the code: tests must catch each (MUTANTS=WORD selects some)
	cd tests && ../$(BIN)/python -m mutants $(MUTANTS)

browser: $(VENV)/.dev $(if $(THOROUGH),$(VENV)/.uppy) $(VENV)/.web $(VENV)/.typescript ## Check the modules of the web page, and test it and the TypeScript client in Chromium; with THOROUGH=--thorough, Uppy and Firefox too; skipped without the browser, except in CI
	$(BIN)/pytest tests/web tests/browser $(THOROUGH) -n $(if $(THOROUGH),2,1) --dist loadfile -q

format: $(VENV)/.dev ## Format the code and fix lint errors
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench ## Run the benchmarks (PHOTOS=FOLDER for the pixels)
	$(BIN)/python benchmarks/latency.py
	$(BIN)/python benchmarks/pixels.py $(PHOTOS) > benchmarks/pixels.json
	$(BIN)/python benchmarks/report.py benchmarks/pixels.json
	$(BIN)/python benchmarks/overlap.py
	$(BIN)/python benchmarks/engines.py

docs: $(VENV)/.dev $(VENV)/.diagrams ## Build the docs site in build/site
	$(SITE)
	@echo build/site/index.html

scale: $(VENV)/.dev ## Simulate the scenarios of docs/scaling.md with 5 % of the images
	$(BIN)/python -m simulation --bounds
	$(BIN)/python -m simulation --quick

lock: $(VENV)/.dev ## Pin the dependencies (UPGRADE=--upgrade for newer versions)
	PATH="$(abspath $(BIN)):$$PATH" requirements/lock.sh

# B302, B506 and B608 are ruff's S302, S506 and S608, which are justified where they occur. Without git, every file is checked.
audit: $(AUDIT)/.done $(CHECKOV)/.done ## Check code, files, template and pinned packages for security problems
	$(AUDIT)/bin/bandit --quiet --recursive api worker notifier shared infra safelight requirements -ll --skip B302,B506,B608
	@if [ -e .git ]; then git ls-files -z; else find . -type d \( -name '.*[a-z_-]' -o -name node_modules -o -name build \) \
	! -name .ci -prune -o -type f -print0; fi | \
	xargs -0 -n 150 -P 2 $(AUDIT)/bin/detect-secrets-hook --exclude-files '$(NO_SECRETS)'
	$(CHECKOV)/bin/checkov --config-file .checkov.yaml
	@$(AUDIT)/bin/python requirements/advisories.py requirements/api.txt requirements/worker.txt requirements/notifier.txt requirements/local.txt

sbom: $(AUDIT)/.done ## Write a CycloneDX document per Lambda zip, build/sbom-*.json
	@mkdir -p build
	@for group in api worker notifier; do \
	$(AUDIT)/bin/cyclonedx-py requirements requirements/$$group.txt --output-reproducible --output-file build/sbom-$$group.json; \
	echo "build/sbom-$$group.json"; done

# Separate environments: checkov needs other versions of shared dependencies.
$(AUDIT)/.done $(CHECKOV)/.done $(GENERATORS)/.done: .venv-%/.done: requirements/%.txt
	@echo "Installing the tools of the group $* …"
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

$(GENERATORS)/.node: tests/generators/package-lock.json clients/typescript/examples/nextjs/package-lock.json | $(GENERATORS)/.done
	@if command -v npm >/dev/null; then npm ci --prefix tests/generators --silent --no-audit --no-fund && \
	npm ci --prefix clients/typescript/examples/nextjs --silent --no-audit --no-fund || exit 1; \
	else echo "npm is not installed: code generators are not tested."; fi
	@touch $@

# The runtime needs Lambda's Python. Without it, the folder stays empty, and the tests say so.
$(BOX)/.done: requirements/lambda-box.txt | $(VENV)/.dev
	@echo "Installing Lambda's runtime …"
	@mkdir -p $(BOX)
	@python=$$($(BIN)/python -c "from infra.deployment import bytecode, wheels; print(bytecode.find_python(wheels.PYTHON_VERSION) or '')"); \
	if [ -n "$$python" ]; then "$$python" -m venv $(BOX) && \
	$(BOX)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<; fi
	@touch $@

$(VENV)/.bench: requirements/bench.txt benchmarks/package-lock.json | $(VENV)/.dev
	@echo "Installing what the benchmarks compare with …"
	@$(PIP_INSTALL) --require-hashes -r requirements/bench.txt
	@if command -v npm >/dev/null; then npm ci --prefix benchmarks --silent --no-audit --no-fund; \
	else echo "npm is not installed: the benchmarks skip sharp."; fi
	@touch $@

$(VENV)/.newman: tests/postman/package-lock.json | $(VENV)/bin/python
	@if command -v npm >/dev/null; then npm ci --prefix tests/postman --silent --no-audit --no-fund; \
	else echo "npm is not installed: the Postman collection is not tested."; fi
	@touch $@

$(VENV)/.uppy: tests/uppy/4/package-lock.json tests/uppy/6/package-lock.json | $(VENV)/bin/python
	@if command -v npm >/dev/null; then for version in 4 6; do \
	npm ci --prefix tests/uppy/$$version --silent --no-audit --no-fund && npm run --prefix tests/uppy/$$version --silent build || exit 1; done; \
	else echo "npm is not installed: Uppy is not tested."; fi
	@touch $@

$(VENV)/.web: tests/web/package-lock.json | $(VENV)/bin/python
	@if command -v npm >/dev/null; then npm ci --prefix tests/web --silent --no-audit --no-fund; \
	else echo "npm is not installed: the modules of the web page are not checked."; fi
	@touch $@

$(VENV)/.typescript: clients/typescript/package-lock.json $(wildcard clients/typescript/src/*.ts) | $(VENV)/bin/python
	@if command -v npm >/dev/null; then npm ci --prefix clients/typescript --silent --no-audit --no-fund && \
	npm run --prefix clients/typescript --silent build || exit 1; \
	else echo "npm is not installed: the TypeScript client is not tested."; fi
	@touch $@

$(VENV)/.diagrams: tests/diagrams/package-lock.json | $(VENV)/bin/python
	@if command -v npm >/dev/null; then npm ci --prefix tests/diagrams --silent --no-audit --no-fund; \
	else echo "npm is not installed: diagrams are not checked."; fi
	@touch $@

clean: ## Stop the engine and delete everything built or installed
	@if [ -x $(BIN)/safelight ]; then $(BIN)/safelight down --wipe; fi
	rm -rf $(VENV) $(AUDIT) $(CHECKOV) $(BOX) $(GENERATORS) benchmarks/node_modules tests/generators/node_modules clients/typescript/dist clients/typescript/node_modules clients/typescript/examples/nextjs/node_modules clients/typescript/examples/nextjs/.next tests/postman/node_modules tests/diagrams/node_modules tests/web/node_modules tests/uppy/*/node_modules .safelight build dist demo-results .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Safelight needs Python 3.11 or newer.")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: requirements/local.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the dependencies …"
	@$(PIP_INSTALL) --require-hashes -r requirements/local.txt
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@$(COMPILE)
	@touch $@

# dev.txt contains all of local.txt, so nothing is installed twice.
$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the test dependencies …"
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@$(COMPILE)
	@touch $(VENV)/.local $@
