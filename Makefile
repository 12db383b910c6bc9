# make demo   sets up .venv, then trains, predicts and forecasts on sample_data/
# make test   sets up .venv with the development extras, then lint, types, import contracts, tests
# make predict-only   sets up .venv-predict with requirements-predict.txt, then uses saved models without torch
PYTHON ?= python3
BIN := .venv/bin
DEMO := demo

# A GPU build of torch is gigabytes larger; where a CPU wheel is wanted, see README.
.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

.PHONY: demo test lint predict-only clean

demo: .venv/installed
	mkdir -p $(DEMO)
	$(BIN)/seqcli train sample_data/reviews.csv --group template --save $(DEMO)/reviews.seqcli --force
	echo 'Although the music was dull, the story turned out quite gripping.' | $(BIN)/seqcli predict - -m $(DEMO)/reviews.seqcli
	$(BIN)/seqcli forecast sample_data/prices.csv --window 60 --save $(DEMO)/prices.seqcli --force --format table

lint: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest

# Saved models are used without torch: an environment that holds no more than that needs.
.venv-predict/installed: requirements-predict.txt
	test -x .venv-predict/bin/python || $(PYTHON) -m venv .venv-predict
	.venv-predict/bin/python -m pip install --quiet --requirement requirements-predict.txt
	touch $@

predict-only: .venv-predict/installed
	.venv-predict/bin/python .ci/predict_only.py

clean:
	rm -rf .venv .venv-predict $(DEMO) build
