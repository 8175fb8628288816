# The two that matter are `make demo` and `make test`. .ci/env says where their output goes.

.DEFAULT_GOAL := help
.PHONY: help demo serve test soak compat ci bench fuzz fmt setup

# About half a minute, and less than 3 GB on disk.
DEMO_ARGS ?= --windows 5 --collections 150000 --elements 1 --value-bytes 4096
SERVE_ARGS ?= --dir windrow-data
TEST_ARGS ?=
BENCH_ARGS ?=
FUZZ_SECONDS ?= 60
COMPAT_ARGS ?=
SOAK_STEPS ?= 5000000

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
	    printf '  make %-8s %s\n' "$$name" "$$what"; done

demo: setup ## the main job: fill windows, let them expire, watch the disk come back (DEMO_ARGS)
	.ci/demo $(DEMO_ARGS)

serve: setup ## a server for clients of Redis, in front of a store in windrow-data (SERVE_ARGS)
	.ci/cargo run --release --features cli,server -- serve $(SERVE_ARGS)

test: setup ## all tests, doc tests included (TEST_ARGS)
	.ci/cargo test --all-features --no-fail-fast $(TEST_ARGS)

soak: setup ## long run beside a real Redis, which must be here (SOAK_STEPS; WINDROW_SEED)
	CI=true WINDROW_STEPS=$(SOAK_STEPS) .ci/cargo test --release --features failpoints --test compat -- \
	    --exact all_types_answer_as_redis_does --nocapture

compat: setup ## Redis' own Tcl suite against windrow serve and redis-server (COMPAT_ARGS; about 10 minutes)
	.ci/compat $(COMPAT_ARGS)

ci: ## everything a change must pass, as .ci/run
	.ci/run

bench: setup ## all benchmarks (BENCH_ARGS; --test runs each once)
	.ci/cargo bench --features cli,server --bench '*' -- $(BENCH_ARGS)

fuzz: ## every fuzz target in turn (FUZZ_SECONDS, 60 for each); needs cargo-fuzz
	.ci/fuzz $(FUZZ_SECONDS)

fmt: ## format the code
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml --all

setup: ## what the others need: libclang, a C++ compiler, ccache if it can be had
	@.ci/setup
