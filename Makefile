# Every command sets up by itself what it needs; see deploy/README.md.
#   PORTS=9100   moves all ports (default 8100: dev 81xx, test 82xx, bench 83xx, faults 84xx, soak 85xx)
#   S=tickets    one program, for logs and restart
#   T=tests/unit what to test; ARGS=… is handed on to pytest, the demo, the benchmark

PYTHON ?= python3
RUN = @$(PYTHON) -m deploy.local
export PORTS

.DEFAULT_GOAL := help
.PHONY: help demo test up down status logs restart bench soak abuse screens sbom audit lint types setup

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

demo: ## servers, services, sample data and the parties outside; prints where to look
	$(RUN) demo -- $(ARGS)

test: ## lint, types, layers and all tests, on servers and ports of their own
	$(RUN) test -- $(T) $(ARGS)

up: ## servers and services, in the background
	$(RUN) up $(ARGS)

down: ## stop them in order; the data stay in .local/
	$(RUN) down

status: ## each process: pid, port, health, since when
	$(RUN) status

logs: ## follow all logs, or S=tickets
	$(RUN) logs $(if $(S),--name $(S))

restart: ## start one program again: S=tickets
	$(RUN) restart $(if $(S),--name $(S))

bench: ## measure against the bare drivers; writes docs/benchmarks.md
	$(RUN) bench -- $(ARGS)

soak: ## long rounds with faults: MINUTES=30
	$(RUN) soak $(if $(MINUTES),--minutes $(MINUTES)) -- $(ARGS)

abuse: ## the hostile run of `make test`, twenty times as long
	$(RUN) abuse -- $(ARGS)

screens: ## every page of the demo on one sheet: ARGS=--pictures takes those of the README, too
	$(RUN) screens -- $(ARGS)

sbom: ## bill of materials of what runs (CycloneDX), into .local/
	$(RUN) sbom

audit: ## known vulnerabilities of what runs, from the public databases
	$(RUN) audit

lint: ## style, format, who may import whom
	$(RUN) lint

types: ## mypy, strict
	$(RUN) types

setup: ## only fetch and build what is needed
	$(RUN) setup
