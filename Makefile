# Everything happens in a virtual environment of this folder; nothing else on the machine is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Modules are compiled to bytecode once, not by each of the many processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE
# Two workers share two cores: more threads in each slow both down. Numba's threads become those of PyTorch, too.
test test-slow test-exhaustive prove: export OMP_NUM_THREADS := 1
test test-slow test-exhaustive prove: export NUMBA_NUM_THREADS := 1

.PHONY: demo test test-slow test-exhaustive prove fuzz boards lint clean

# Runs a trained network's circuit on real handwriting, and compares every value with the reference.
# Options: make demo OPTIONS="--images 50 --json figures.json"
demo: $(VENV)/installed
	$(BIN)/statespike demo $(OPTIONS)

# The test suite, on both cores of a small machine.
test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n 2 --durations 15 -m "not slow and not exhaustive"

# What takes minutes a test: place and route, whole networks after synthesis, the demo.
test-slow: $(VENV)/installed-test
	$(BIN)/python -m pytest -n 2 --durations 15 -m slow

# What the other parts show of a sample, for every shipped network and device; takes about an hour.
test-exhaustive: $(VENV)/installed-test
	$(BIN)/python -m pytest -n 2 -m exhaustive

# Proofs with an SMT solver, quick and slow ones.
prove: $(VENV)/installed-test
	$(BIN)/python -m pytest -n 2 -m formal tests/formal

# Random networks on every back end: make fuzz N=20 SEED=1
N := 20
SEED := 1
fuzz: $(VENV)/installed-test
	$(BIN)/python -m benchmarks.fuzz --count $(N) --seed $(SEED)

# A small network on every board, synthesised, placed and routed; goes on where it stopped.
boards: $(VENV)/installed-test
	$(BIN)/python -m benchmarks.boards --json docs/boards.json --markdown docs/boards.md

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/mypy .

clean:
	rm -rf $(VENV) build

# Stamps: the environment is made anew when its Python is gone, and installed into when its contents change.
$(VENV)/made:
	$(PYTHON) -m venv --clear $(VENV)
	touch $@

$(VENV)/installed: $(VENV)/made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[test]'
	touch $@
