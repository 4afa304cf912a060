# The project's commands; `make help` lists them.
# Owns: which tool does what, in which order. Never: a step that only make could run.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

# What a build needs beside Rust, what the demo needs besides, and what the tests need besides.
BUILD_TOOLS := cc clang wasm-ld
DEMO_TOOLS := $(BUILD_TOOLS) curl jq sqlite3
TEST_TOOLS := $(DEMO_TOOLS) chromium chromedriver g++ python3 libc++ libc++-wasm32

# The documented command, from the root of the repository.
SIM_COMMAND := clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined -O2 -Iinclude -o
SIMS := examples/arena/game_sim.cpp examples/hello/hello.c examples/leaderboard/leaderboard.cpp \
	examples/physics/physics.cpp \
	$(wildcard examples/hostile/*.c examples/hostile/*.cpp)

.PHONY: help demo test lint fmt bench build sims serve clean tools install-check

help: ## List these targets (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Show the whole path, from a C++ file to a match to play (CHECK=1: without a person)
	@scripts/tools.sh $(DEMO_TOOLS)
	@CHECK=$(CHECK) scripts/demo.sh

test: ## Build everything and run every test, system tests included
	@scripts/tools.sh $(TEST_TOOLS)
	cargo test --workspace --locked

lint: ## Formatting, clippy with warnings as errors, dependencies (cargo-deny, where installed)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p lattice-host --features microvm --all-targets --locked -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny --locked check; \
	else echo "lint: cargo-deny is not installed, so licences and advisories are not checked;" \
		"cargo install --locked cargo-deny brings it"; fi

fmt: ## Format the Rust sources
	cargo fmt --all

bench: ## Medians and ratios against peers (release build)
	@scripts/tools.sh $(BUILD_TOOLS)
	cargo bench -p lattice-benches --locked

build: ## Build the `lattice` command, the library that native programs link, and lattice-cell, in target/debug
	@scripts/tools.sh cc
	cargo build --locked -p lattice-console -p lattice-runner -p lattice-cell

sims: ## Compile the example sims with the documented command, each beside its source
	@scripts/tools.sh clang wasm-ld
	@for source in $(SIMS); do \
		echo "$(SIM_COMMAND) $${source%.*}.wasm $$source"; \
		$(SIM_COMMAND) $${source%.*}.wasm $$source; \
	done

serve: build ## Start the console on http://127.0.0.1:3004 with its data in ./lattice-data
	target/debug/lattice serve

tools: ## Install what build, demo and tests need, by apt-get, saying so
	@scripts/tools.sh $(TEST_TOOLS)

install-check: ## Say which of the needed programs are there; install nothing
	@scripts/tools.sh --check cargo $(TEST_TOOLS)

clean: ## Remove what was built
	cargo clean
	rm -f examples/*/*.wasm
