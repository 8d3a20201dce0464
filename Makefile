# Everything that the project does, each as one command. `make run` and `make test` set up what is missing by themselves.

BIN := .build/debug/sandstorm
AGENT := .build/debug/sandstorm-agent
SOURCES := Package.swift $(shell find Sources -name '*.swift' -o -name '*.h' -o -name 'module.modulemap')
AGENT_SOURCES := $(shell find Agent Sources/SandstormWire/AgentProtocol -name '*.swift' -o -name '*.h' -o -name 'module.modulemap')

.PHONY: run build agent test conformance sanitize bench bench-routing setup release install format lint docs clean

run: $(BIN) $(AGENT)
	@$(BIN) run --summary examples/primes.py

build: $(BIN) $(AGENT)

# Files rather than phony targets: asking the package manager whether anything changed costs more than a whole run.
$(BIN): $(SOURCES)
	@scripts/setup.sh run
	@echo "Building sandstorm; the first time takes some minutes."
	@swift build --product sandstorm
	@touch $(BIN)

# Built after the program: the package manager wants to make that directory itself.
$(AGENT): $(AGENT_SOURCES) | $(BIN)
	@scripts/build-agent.sh
	@touch $(AGENT)

agent: $(AGENT)

test:
	@scripts/setup.sh test
	swift build --build-tests
	@scripts/build-agent.sh
	@scripts/test.sh

# One provider against the behaviours that all must show: `PROVIDER=local make conformance`.
PROVIDER ?= local
conformance:
	@scripts/setup.sh test
	swift build --build-tests
	@scripts/build-agent.sh
	@scripts/conformance.sh $(PROVIDER)

# The engine and the store under the thread sanitizer; builds both anew in a directory of their own.
sanitize:
	@scripts/setup.sh test
	@scripts/sanitize.sh

# What is promised about speed, as ratios measured in one run: all of it, or `make bench BENCHMARKS=local-start`; e2b-sdk is what E2B's
# dialect costs.
bench:
	@scripts/setup.sh bench
	swift build -c release --product sandstorm
	swift build -c release --product SandstormBenchmarks
	swift build -c release --product RoutingSpeed
	swift build -c release --product RoutingQuality
	@scripts/build-agent.sh .build/release/sandstorm-agent
	@status=0; \
	$(if $(filter e2b-sdk,$(BENCHMARKS)),,.build/release/SandstormBenchmarks $(BENCHMARKS) || status=1;) \
	$(if $(filter-out e2b-sdk,$(BENCHMARKS)),,SANDSTORM=$(CURDIR)/.build/release/sandstorm scripts/e2b-sdk.sh bench || status=1;) \
	$(if $(BENCHMARKS),,.build/release/RoutingSpeed || status=1; .build/release/RoutingQuality || status=1;) \
	exit $$status

# What routing is worth: scenario packs against an oracle and what others ship; `SCENARIO=FILE.json` runs one of your own,
# `TTI=FILE.csv.gz` replays measured starts, `ARRIVALS=FILE.csv.gz` with either lets requests come as in a trace, `POLICIES=a,b` and
# `SEED=1` choose. Only the results go to standard output.
ROUTING_SCRATCH := .build/routing-release
bench-routing:
	@scripts/setup.sh run >&2
	@SANDSTORM_ONLY_TARGETS=RoutingQuality swift build -c release --scratch-path $(ROUTING_SCRATCH) --product RoutingQuality >&2
	@$(ROUTING_SCRATCH)/release/RoutingQuality $(if $(TTI),--tti '$(TTI)') $(if $(ARRIVALS),--arrivals '$(ARRIVALS)') \
		$(if $(SCENARIO),--scenario '$(SCENARIO)') $(if $(POLICIES),--policies '$(POLICIES)') $(if $(SEED),--seed '$(SEED)') \
		$(if $(ERROR_TIMES),--error-times '$(ERROR_TIMES)') $(if $(WORST),--worst '$(WORST)') \
		$(if $(RANDOM_SCENARIOS),--random '$(RANDOM_SCENARIOS)') $(if $(RESAMPLE),--resample '$(RESAMPLE)')

setup:
	@scripts/setup.sh test

release:
	@scripts/setup.sh run
	swift build -c release --product sandstorm
	scripts/build-agent.sh .build/release/sandstorm-agent

PREFIX ?= /usr/local
install: release
	install -D .build/release/sandstorm $(DESTDIR)$(PREFIX)/bin/sandstorm
	install -D .build/release/sandstorm-agent $(DESTDIR)$(PREFIX)/libexec/sandstorm/sandstorm-agent

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks examples Agent/Package.swift Agent/Sources

lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks examples Agent/Package.swift Agent/Sources

clean:
	rm -rf .build Agent/.build

docs:
	@scripts/docs.sh
