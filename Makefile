# make demo and make test set themselves up; everything lives in .venv, nothing outside this folder is touched.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo serve-demo test check format dev docs bench soak constraints clean

help: ## Show these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: constraints.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes --requirement constraints.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: constraints-dev.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes --requirement constraints-dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime

dev: $(VENV)/.dev ## Install the package and its tools into .venv

demo: $(VENV)/.runtime ## Run the main flow against a practice shop, on embedded defaults
	@$(BIN)/connector demo

serve-demo: $(VENV)/.runtime ## The practice shop with live traffic and the dashboard, until Ctrl-C
	@$(BIN)/connector demo --serve

test: $(VENV)/.dev ## Run every test
	$(BIN)/python -m pytest --numprocesses=auto

check: $(VENV)/.dev ## Format, lint, types and import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## Format and mend what a tool can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev ## Write the generated pages of docs/ again
	$(BIN)/python -m connector.reference docs/reference

bench: $(VENV)/.dev ## Measure speed and memory against the raw floor
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/publish.py
	$(BIN)/python benchmarks/ingest.py $(if $(DLT),--dlt $(DLT))
	$(BIN)/python benchmarks/delivery.py
	$(BIN)/python benchmarks/push.py
	$(BIN)/python benchmarks/listing.py
	$(BIN)/python benchmarks/idle.py

soak: $(VENV)/.dev ## Two workers for ten minutes with everything going wrong; counts balance in the end
	$(BIN)/python benchmarks/soak.py

constraints: ## Resolve and pin every dependency again (needs uv on the path)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --extra server --group build --custom-compile-command "make constraints" --output-file constraints.txt pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --all-extras --group build --group dev --constraints constraints.txt \
	  --custom-compile-command "make constraints" --output-file constraints-dev.txt pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --extra server --extra postgres --extra otel --group build --constraints constraints-dev.txt \
	  --custom-compile-command "make constraints" --output-file constraints-image.txt pyproject.toml

clean: ## Remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
