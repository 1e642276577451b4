# Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/sh
GO ?= go
CACHE := $(CURDIR)/.cache
GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT := $(CACHE)/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)

# Most tests talk to servers and wait for them: half as many packages again as there are processors keep those busy.
TEST := $(GO) test -parallel 8 -p $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)

# The packages whose tests are repeated on other PostgreSQL versions: those that a version may change (the router goes
# with the integration module's tests), and all.
VERSIONED := ./shard ./internal/catalog ./internal/plan ./internal/sqlparse ./migrate
CORE := ./shard/... ./pool/... ./txn/... ./migrate/... ./router/... ./internal/catalog/... ./internal/plan/... ./internal/sqlparse/...

# Tests of the integration module that the race detector has nothing to say about: two compare answers with another
# program's, one counts processes from outside.
UNRACED := ./pgquery ./differential ./fleet

.DEFAULT_GOAL := help
.PHONY: help setup setup-poolers build demo test test-core test-allocations test-integration test-matrix test-matrix-all lint fmt bench lab soak fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## find PostgreSQL 15 or later, or install it
	@sh scripts/setup-postgres.sh

setup-poolers: ## find PgBouncer and pgpool-II, or install them
	@sh scripts/setup-poolers.sh

build: ## build the keyway command into bin/
	@$(GO) build -o bin/keyway ./cmd/keyway

demo: setup build ## split a pgbench database over four servers, serve it, kill one, count everything (KEEP=1 keeps the clusters)
	@$(GO) build -o bin/demo ./examples/demo
	@bin/demo

test: setup ## all tests, with the race detector, on the PostgreSQL that was found
	@$(MAKE) --no-print-directory test-core test-allocations test-integration

test-core: ## the tests of the library's own module
	$(TEST) -race -timeout 10m ./...

test-allocations: ## the allocations of the hot paths, which are exact; the race detector adds its own
	$(GO) test -count=1 -run 'Allocates' ./shard ./internal/plan ./pool ./router

test-integration: setup-poolers ## the tests of the integration module: differential, generated clients, fault stories, poolers
	cd integration && $(TEST) -race -timeout 15m $$($(GO) list ./... | grep -v $(patsubst ./%,-e /%,$(UNRACED)))
	cd integration && $(TEST) -timeout 15m $(UNRACED)

test-matrix: setup ## what a version may change on PostgreSQL 18, and the refusal of 14
	@sh scripts/setup-matrix.sh
	KEYWAY_TEST_PG_MAJOR=18 $(TEST) -timeout 10m $(VERSIONED)
	cd integration && KEYWAY_TEST_PG_MAJOR=18 $(TEST) -timeout 10m ./sqlc/... ./differential/...
	cd integration && $(TEST) -timeout 5m -count=1 -tags matrix ./matrix/...

test-matrix-all: setup setup-poolers ## every test on PostgreSQL 18: before a release; takes as long as make test
	@sh scripts/setup-matrix.sh
	KEYWAY_TEST_PG_MAJOR=18 $(TEST) -timeout 10m $(CORE)
	cd integration && KEYWAY_TEST_PG_MAJOR=18 $(TEST) -timeout 15m ./...

$(GOLANGCI_LINT):
	@echo "building golangci-lint $(GOLANGCI_LINT_VERSION) (once, a few minutes)"
	@mkdir -p $(CACHE)/bin
	@GOBIN=$(CACHE)/bin GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv $(CACHE)/bin/golangci-lint $@

lint: $(GOLANGCI_LINT) ## vet and lint both modules
	$(GO) vet ./...
	$(GOLANGCI_LINT) run ./...
	cd integration && $(GO) vet ./... && $(GOLANGCI_LINT) run ./...

fmt: $(GOLANGCI_LINT) ## format the code
	$(GOLANGCI_LINT) fmt ./...

bench: setup ## the benchmarks of docs/benchmarks.md, each beside its baseline
	sh scripts/bench.sh

lab: setup ## try sizes of a pool under a load of your own: make lab LAB='-callers 300 -hold 3ms -work 1ms -against connect' (LAB=-help)
	@cd integration && $(GO) run ./cmd/lab $(LAB)

fuzz: ## a minute of fuzzing for each fuzz target
	sh scripts/fuzz.sh

soak: setup ## the differential tests and the outages at length; the last result is in docs/soak.md
	KEYWAY_STATEMENTS=$(or $(KEYWAY_STATEMENTS),350000) $(GO) test -timeout 4h -count=1 -v -run 'TestAcceptedStatementsGive|TestScopedStatementsSee|TestScatteredStatementsGive' ./internal/plan
	cd integration && KEYWAY_STATEMENTS=$(or $(KEYWAY_STATEMENTS),250000) $(GO) test -timeout 4h -count=1 -v -run DifferentialAnswers ./differential
	cd integration && KEYWAY_STATEMENTS=$(or $(KEYWAY_STATEMENTS),50000) $(GO) test -timeout 4h -count=1 -v -run 'DifferentialScattered|DifferentialScoped|DifferentialRows|DifferentialCorners|DifferentialPgbench' ./differential
	cd integration && KEYWAY_STATEMENTS=$(or $(KEYWAY_STATEMENTS),200000) $(GO) test -timeout 4h -count=1 -v -run 'Mutated|Generated|Share' ./pgquery
	cd integration && KEYWAY_STORMS=$(or $(KEYWAY_STORMS),10) $(GO) test -race -timeout 1h -count=1 -v -run TestNothingAcknowledged ./faults
	cd integration && KEYWAY_OUTAGE=$(or $(KEYWAY_OUTAGE),60s) $(GO) test -race -timeout 1h -count=1 -v ./poolfaults
	KEYWAY_ROWS=$(or $(KEYWAY_ROWS),300000) $(GO) test -timeout 1h -count=1 -v -run TakeManyRows ./internal/catalog
	KEYWAY_LEASE_SEEDS=$(or $(KEYWAY_LEASE_SEEDS),60000) $(GO) test -timeout 1h -count=1 -v -run TheBudgetHolds ./pool/lease
	cd integration && KEYWAY_FLEET=$(or $(KEYWAY_FLEET),10s) $(GO) test -timeout 1h -count=1 -v ./fleet
	cd integration && KEYWAY_FLEET=$(or $(KEYWAY_FLEET),10s) KEYWAY_FLEET_BACKSTOP=1 $(GO) test -timeout 1h -count=1 -v ./fleet

clean: ## remove what was built and downloaded
	rm -rf bin .cache
