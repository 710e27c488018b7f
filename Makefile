# The front door. Meson does the building; each target installs what it needs first.
# `make help` lists the targets.
BUILD = build
.DEFAULT_GOAL = all
MAKEFLAGS += --no-print-directory

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

all: dependencies-build $(BUILD)/build.ninja ## build everything into build/
	@ninja -C $(BUILD) --quiet

demo: dependencies-build dependencies-demo all ## a fleet's whole life against the real server, about a minute
	@demo/run

run: all ## a server that stays: home in ./home or TENURE_HOME, Ctrl-C stops it
	@scripts/run

test: dependencies-build dependencies-test ## every test; the last line counts them
	@scripts/dependencies peers || echo "without them their tests are skipped"
	@scripts/test

bench: dependencies-build dependencies-bench ## every benchmark; tables here, JSON in build/bench/
	@bench/run

fuzz: dependencies-build dependencies-fuzz ## every fuzz target for FUZZ_SECONDS (60) each
	@scripts/fuzz

lint: dependencies-build dependencies-test dependencies-lint ## formatting, compilers' warnings, analysers, house rules
	@scripts/lint

format: dependencies-lint ## set every source file as .clang-format says
	@git ls-files '*.c' '*.h' | xargs clang-format -i

model: dependencies-model ## check the state machine with Spin
	@model/run

install: all ## into PREFIX (/usr/local), DESTDIR honoured
	@[ -z "$(PREFIX)" ] || meson configure $(BUILD) --prefix "$(PREFIX)"
	@meson install -C $(BUILD) --quiet >/dev/null

clean: ## remove what was built
	@rm -rf build build-*

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix "$${PREFIX:-/usr/local}" >/dev/null

dependencies-%:
	@scripts/dependencies $*

.PHONY: help all demo run test bench fuzz lint format model install clean
