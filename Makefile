# Every command of the project. `make help` lists them; the first one that needs .venv makes it.

TORCH_INDEX ?=#          an index with other torch builds, such as PyTorch's own for CPU
ARGS ?=#                 handed on: make test ARGS="tests/unit -k masks"
TESTERS ?= 2#            processes that test at once: each file in one of them
HOST ?= $(or $(WINNOW_HOST),127.0.0.1)
PORT ?= $(or $(WINNOW_PORT),8000)
HOME_DIR ?= $(or $(WINNOW_HOME),.winnow)
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-lock
PIP_TORCH = $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
DISK_MB := 4000

.DEFAULT_GOAL := help
.PHONY: help env demo serve test check fmt lint types imports tables bench up

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  PYTHON=python3.12      the Python that .venv is made with (3.11 to 3.13)'
	@echo '  TORCH_INDEX=URL        for env: where torch is found in another build, e.g. for CPU only'
	@echo '  ARGS="..."             for test, demo, bench, serve: handed on'

env: $(STAMP) ## make .venv from requirements.lock (once)
	@:

$(STAMP): requirements.lock pyproject.toml
	@command -v '$(PYTHON)' >/dev/null || { echo 'Winnow needs Python 3.11, 3.12 or 3.13: install one, or name it: make env PYTHON=...'; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo 'This Python cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)'; exit 1; }
	@test $$(df -Pm . | awk 'NR == 2 {print $$4}') -ge $(DISK_MB) || { \
		echo 'Less than $(DISK_MB) MB are free here: the environment takes about 2 GB on disk, 8 GB with CUDA'; exit 1; }
	@echo 'Making .venv with $(PYTHON). The download is about 0.5 GB where torch is the CPU build (make env TORCH_INDEX=...,'
	@echo 'see README.md), about 3 GB on Linux where it is the CUDA build, which the default index holds.'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_TORCH) -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
	@echo 'Made .venv.'

demo: env ## find a winning ticket on real digits, with the evidence (2 minutes)
	@$(BIN)/python bench/demo.py $(ARGS)

serve: env ## run the service here: API, workers, SQLite, a folder (HOST, PORT, HOME_DIR)
	@$(BIN)/winnow serve --host $(HOST) --port $(PORT) --home $(HOME_DIR) $(ARGS)

test: env ## run every test; Postgres, Redis and an S3 store are started by the suite
	@$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile $(ARGS)

check: lint types imports ## everything that CI checks beside the tests

fmt: env ## format the code and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: env ## format and lint rules, without changing anything
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: env ## strict types
	@$(BIN)/mypy

imports: env ## who may import whom
	@$(BIN)/lint-imports

tables: env ## write down the tensors of every architecture, for the service, which has no torch
	@$(BIN)/python -m winnow.lottery.tensor_tables

bench: env ## measure what is promised; prints what docs/results keeps
	@for script in bench/*.py; do echo "== $$script"; PYTHONPATH=. $(BIN)/python $$script $(ARGS) || exit 1; done

up: .env ## run the service with Docker: Postgres, Redis, S3; secrets are made once
	@docker compose version >/dev/null 2>&1 || { echo 'docker compose is not installed: see docs.docker.com/compose/install, or run make serve'; exit 1; }
	docker compose up --build --detach --wait
	@echo "Ready: http://$$(docker compose port api 8000) (every request carries the key: Authorization: Bearer, WINNOW_API_KEY in .env)"

.env:
	@command -v '$(PYTHON)' >/dev/null || { echo 'Python 3.11, 3.12 or 3.13 is needed to make the secrets'; exit 1; }
	@umask 077; $(PYTHON) -c 'import secrets; \
		names = ("WINNOW_API_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"); \
		print("# Made once by make up. Keep it to yourself.", *(f"{n}={secrets.token_hex(24)}" for n in names), sep="\n")' > .env.new
	@mv .env.new .env
	@echo 'Wrote .env with fresh secrets.'
