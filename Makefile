# The two commands a new user types: `make demo` and `make test`. Each installs what it misses.
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
.PHONY: build test test-matrix demo install lint fuzz-smoke bench clean deps-build deps-test deps-matrix deps-demo deps-lint

build: deps-build build/release/build.ninja
	cmake --build --preset release -j $(JOBS)

build/%/build.ninja: CMakeLists.txt CMakePresets.json
	cmake --preset $*

demo: deps-demo build
	tools/demo.sh

test: deps-test build/dev/build.ninja
	tools/stage.sh "build of agent and tests" cmake --build --preset dev -j $(JOBS)
	$(MAKE) --no-print-directory fuzz-smoke
	tools/check_layers.py
	ctest --test-dir build/dev --output-on-failure -j $(JOBS)

# Every runtime with the acceptance numbers, some 15 minutes, the same over TLS, some 20, every cell of Go's matrix, and every
# program that probes must leave unharmed; after a first run that fetches and builds the targets, half an hour more.
test-matrix: deps-matrix build build/dev/build.ninja
	cmake --build --preset dev -j $(JOBS) --target prober
	FULL=1 ROWS=all BEYLA_BINARY=build/release/beyla python3 tests/e2e/test_runtimes.py
	FULL=1 ROWS=all BEYLA_BINARY=build/release/beyla python3 tests/e2e/test_tls_matrix.py
	ROWS=all BEYLA_BINARY=build/release/beyla python3 tests/e2e/test_grpc_matrix.py
	FULL=1 ROWS=all BEYLA_BINARY=build/release/beyla python3 tests/e2e/test_http2_matrix.py
	ROWS=all BEYLA_BINARY=build/release/beyla python3 tests/e2e/test_http2_late.py
	ROWS=all BEYLA_BINARY=build/release/beyla python3 tests/e2e/test_http2_spec.py
	FULL=1 GO_CELLS=all BEYLA_BINARY=build/release/beyla python3 tests/e2e/test_go_cells.py
	FULL=1 PROGRAMS=all BEYLA_BINARY=build/release/beyla python3 tests/e2e/test_go_programs.py
	UNHARMED=all PROBER=build/dev/tests/unharmed/prober python3 tests/unharmed/test_native.py
	UNHARMED=all PROBER=build/dev/tests/unharmed/prober python3 tests/unharmed/test_tls_sites.py
	UNHARMED=all BEYLA_BINARY=build/release/beyla python3 tests/unharmed/test_go.py

fuzz-smoke: deps-test build/fuzz/build.ninja
	tools/stage.sh "build of fuzz targets" cmake --build --preset fuzz -j $(JOBS)
	ctest --test-dir build/fuzz --output-on-failure -L fuzz_smoke -j $(JOBS)

# As root; ROUNDS=2 is a smoke run, BENCH_RESULTS=bench/results keeps the figures. See docs/performance.md.
ROUNDS ?= 15
BENCH_RESULTS ?= build/bench_results
bench: deps-test build/dev/build.ninja
	cmake --build --preset dev -j $(JOBS)
	BEYLA_BINARY=build/dev/beyla PYTHONDONTWRITEBYTECODE=1 python3 bench/run.py --rounds $(ROUNDS) \
	  --results $(BENCH_RESULTS)

install: build
	cmake --install build/release --prefix $(PREFIX) --strip

lint: deps-lint deps-test build/tidy/build.ninja
	clang-format-19 --dry-run --Werror $$(git ls-files '*.cpp' '*.h' ':!*.bpf.h' ':!src/abi')
	tools/check_layers.py
	cmake --build --preset tidy --target beyla -j $(JOBS)

clean:
	rm -rf build

# A static pattern: make looks for no implicit rule for a phony target.
deps-build deps-test deps-matrix deps-demo deps-lint: deps-%:
	tools/stage.sh "packages" tools/install_dependencies.sh $*
