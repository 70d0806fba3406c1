# perjury. Everything is built in release mode, into one folder (.build).
#
#   make run        the embedded stores of the catalogue, on a budget that ends within two minutes on two cores
#   make test       all tests: they need /dev/fuse for the mounts
#   make planted    only the planted bugs: each toy store must be caught, each correct twin must hold
#   make mutations  deliberate defects in a copy of the sources, one by one: some test must notice each (as root, /dev/fuse)
#   make fuzz       hostile files, marks and requests: FUZZ_SECONDS=60 for each target, FUZZ_TARGETS='marks requests', SEED=0
#   make soak       the long rounds of the mount's conformance: MINUTES=30 for each that has no end, SEED=0 the first seed
#   make soak-stores  the stores that must hold, 100,000 states of a longer run under each of ext4-ordered, xfs, btrfs on honest
#                   and torn-4096: SOAK_STORES='lmdb rocksdb', SOAK_COMMITS=60, SOAK_STATES=800000 a store
#   make chaos      run and live, ended at random moments by SIGKILL, SIGTERM, SIGINT: nothing may be left; ROUNDS=20, SEED=0
#   make ordinary-user  as root: what nobody finds without root's rights beside what root finds, and SIGKILLs; KILLS=200, SEED=0
#   make workloads-deps  installs the servers of the catalogue that are missing; none of them is started as a service
#   make catalogue  runs all real stores, writes docs/catalogue.md; CATALOGUE_BUDGET=30s, LIVE='NAME...' CUTS=100 for live
#   make posix      pjdfstest on a mount, as root: PJDFSTEST=DIR is a built checkout; figures go to docs/conformance.md
#   make build      the programs, in .build/release
#   make dist       a tarball, a Debian package and a Python wheel for this architecture, in dist/, from .build-dist
#   make dist-test  installs each of the three on bare Debians made by debootstrap, and uses it as an ordinary user; as root
#   make install    PREFIX=/usr/local, DESTDIR=: the same files, installed
#   make lint       formatting, sizes, documents, as CI wants it;  make format mends it
#   make documents  writes the tables of the documents that are made from the code; breaks long lines of prose
#   make examples   tests in other languages that use perjury, where the language is installed (examples/); the steps of the
#                   GitHub action
#   make bench      benchmarks
#   make doctor     what this machine lacks
#   make deps       installs what is missing of the Debian packages below
#   make clean

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PACKAGES := libfuse3-dev fuse3 libyaml-dev libsqlite3-dev sqlite3 pkg-config git python3 python3-yaml
# The engines of the catalogue: one workload or more for each.
PACKAGES += liblmdb-dev libleveldb-dev librocksdb-dev libdb5.3-dev libgdbm-dev libtdb-dev
SWIFT ?= swift
PERJURY := .build/release/perjury
SOURCES := Sources Tests Benchmarks Package.swift

# What one workload of `make run` may take. Most end earlier, as they have been explored exhaustively.
RUN_BUDGET ?= 4500ms
# For how many minutes storms and fio go on in `make soak`, each, and the first seed.
MINUTES ?= 30
SEED ?= 0
# Stores that must hold, how many commits their runs have in place of the catalogue's few, and how many states of each are
# judged, for all targets together. Berkeley DB is documented to need whole pages: it is soaked on torn-4096 only.
SOAK_STORES ?= sqlite-wal-full sqlite-delete-extra lmdb rocksdb
SOAK_WHOLE_PAGES ?= berkeleydb
SOAK_COMMITS ?= 60
SOAK_STATES ?= 800000
SOAK_FOLDER ?= perjury-out/soak-workloads
# For how long each target is fuzzed, which ones (none: all), and where inputs are kept that end it.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=
FUZZ_KEEP ?= perjury-out/fuzz
# Rounds of `make chaos`; 200 in a soak.
ROUNDS ?= 20
# SIGKILLs of `make ordinary-user`.
KILLS ?= 200
# The servers of the catalogue. Workloads whose programs are missing are skipped.
SERVER_PACKAGES ?= redis-server redis-tools postgresql-15 beanstalkd etcd-server nats-server mariadb-server
# What `make catalogue` does: the time for each workload, and what is run live, with how many power losses.
CATALOGUE_BUDGET ?= 30s
LIVE ?= sqlite-wal-full redis-always redis-always-multi postgresql postgresql-fsync-off beanstalkd etcd etcd-cluster nats-jetstream mariadb
CUTS ?= 100
# A built checkout of pjdfstest, for `make posix`.
PJDFSTEST ?=
# Where `make install` puts things, below DESTDIR if that is named.
PREFIX ?= /usr/local
DESTDIR ?=
# More options for `make run`: ARGS='sqlite-wal-full --model posix'
ARGS ?=

.PHONY: help run test planted mutations fuzz soak soak-stores chaos ordinary-user workloads-deps catalogue posix build programs dist dist-test install lint format documents bench examples doctor deps clean toolchain device

help:
	@sed -n 's/^#   //p' Makefile

run: build device
	$(PERJURY) run --embedded --budget $(RUN_BUDGET) $(ARGS)

test: deps device
	$(SWIFT) test -c release
	$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=3
	PATH="$$PWD/.build/release:$$PATH" Tests/hand-mount.sh >/dev/null
	Tests/pack-elsewhere >/dev/null

examples: build device
	SWIFT='$(SWIFT)' Tests/examples
	Tests/action

fuzz: deps
	$(SWIFT) build -c release --product perjury-fuzz
	mkdir -p '$(FUZZ_KEEP)'
	.build/release/perjury-fuzz --seconds $(FUZZ_SECONDS) --seed $(SEED) --keep '$(FUZZ_KEEP)' $(FUZZ_TARGETS)

planted: deps device
	$(SWIFT) test -c release --filter PlantedBugTests

mutations: deps device
	SWIFT='$(SWIFT)' Tests/Mutations/check $(ARGS)

soak: deps device
	PERJURY_SOAK=1 PERJURY_SOAK_MINUTES=$(MINUTES) PERJURY_FIRST_SEED=$(SEED) \
	    $(SWIFT) test -c release --filter FuseMountTests.SoakTests

soak-stores: build device
	@for store in $(SOAK_STORES) $(SOAK_WHOLE_PAGES); do \
	    mkdir -p "$(SOAK_FOLDER)/$$store"; \
	    sed -E '/^run:/s/commit, "[0-9]+"/commit, "$(SOAK_COMMITS)"/; s/^timeout:.*/timeout: 120s/' \
	        "Workloads/$$store/workload.yaml" > "$(SOAK_FOLDER)/$$store/workload.yaml"; \
	done
	for store in $(SOAK_STORES); do \
	    $(PERJURY) run $$store --workloads '$(SOAK_FOLDER)' --model ext4-ordered,xfs,btrfs \
	        --stack honest,torn-4096 --budget $(SOAK_STATES) $(ARGS); \
	done
	for store in $(SOAK_WHOLE_PAGES); do \
	    $(PERJURY) run $$store --workloads '$(SOAK_FOLDER)' --model ext4-ordered,xfs,btrfs \
	        --stack torn-4096 --budget $$(($(SOAK_STATES) / 2)) $(ARGS); \
	done

chaos: build device
	Tests/chaos --rounds $(ROUNDS) --seed $(SEED)

ordinary-user: build device
	Tests/ordinary-user --budget 600 --kills $(KILLS) --seed $(SEED) $(ARGS)

# policy-rc.d, where there is none: the packages would start their services.
workloads-deps:
	@as_root=(); [ "$$(id -u)" -eq 0 ] || as_root=(sudo); \
	policy=/usr/sbin/policy-rc.d; made=; \
	if [ ! -e $$policy ]; then \
	    printf '#!/bin/sh\nexit 101\n' | "$${as_root[@]}" tee $$policy >/dev/null; \
	    "$${as_root[@]}" chmod 755 $$policy; made=yes; \
	fi; \
	"$${as_root[@]}" apt-get update -q; status=0; \
	"$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -q -y --no-install-recommends $(SERVER_PACKAGES) || status=$$?; \
	if [ -n "$$made" ]; then "$${as_root[@]}" rm -f $$policy; fi; exit $$status

catalogue: build device
	mkdir -p perjury-out
	$(PERJURY) run $$(cd Workloads && ls */workload.yaml | cut -d/ -f1 | grep -Ev '^(toy|config|example)-') \
	    --budget $(CATALOGUE_BUDGET) --json perjury-out/catalogue-run.json $(ARGS) || [ $$? -le 2 ]
	$(PERJURY) live $(LIVE) --cuts $(CUTS) --json perjury-out/catalogue-live.json || [ $$? -le 2 ]
	Workloads/catalogue.py perjury-out/catalogue-run.json perjury-out/catalogue-live.json >docs/catalogue.md

posix: deps device
	@if [ ! -x '$(PJDFSTEST)/pjdfstest' ]; then \
	    echo 'make posix PJDFSTEST=DIR: a checkout of https://github.com/pjd/pjdfstest, built there with' >&2; \
	    echo '  autoreconf -ifs && ./configure && make pjdfstest' >&2; \
	    exit 1; \
	fi
	PJDFSTEST='$(abspath $(PJDFSTEST))' PERJURY_CONFORMANCE_NOTE='$(abspath docs/conformance.md)' \
	    $(SWIFT) test -c release --filter FuseMountTests.PjdfstestTests

build: deps
	$(SWIFT) build -c release

# The two that are C alone are built without Swift, whose runtime SwiftPM would link to them.
programs: deps
	for product in perjury store-workloads engine-workloads rocksdb-workloads; do \
	    PERJURY_DIST=1 $(SWIFT) build -c release --scratch-path .build-dist --static-swift-stdlib --product $$product; \
	done
	clang=$$(dirname "$$(realpath "$$(command -v $(firstword $(SWIFT)))")")/clang; \
	    $$clang -O2 -static -o .build-dist/release/perjury-keeper Sources/perjury-keeper/*.c; \
	    $$clang -O2 -shared -fPIC -I Sources/later-clock/include \
	        -o .build-dist/release/liblater-clock.so Sources/later-clock/*.c
	$(SWIFT) build --package-path .build-dist/checkouts/swift-argument-parser --scratch-path .build-dist/manual \
	    --product generate-manual

dist: programs
	Packaging/dist .build-dist/release .build-dist/manual/debug/generate-manual dist

dist-test: dist device
	Tests/dist-test

install: programs
	Packaging/lay-out .build-dist/release '$(DESTDIR)$(PREFIX)' .build-dist/manual/debug/generate-manual

lint: toolchain
	$(SWIFT) format lint -r --strict $(SOURCES)
	Tests/Documents/check
	Tests/Documents/sizes

format: toolchain
	$(SWIFT) format -i -r $(SOURCES)

documents: deps
	PERJURY_WRITE_DOCUMENTS=1 $(SWIFT) test -c release \
	    --filter 'ModelDocumentTests|LitmusCountTests|ExpectationTableTests'
	Tests/Mutations/check --document
	Tests/Documents/check --wrap

bench: build device
	@if [ ! -x Benchmarks/run ]; then echo 'There are no benchmarks here: Benchmarks/run is missing.' >&2; exit 1; fi
	Benchmarks/run

doctor: build
	$(PERJURY) doctor

clean:
	rm -rf .build .build-dist dist perjury-out

toolchain:
	@if ! command -v $(firstword $(SWIFT)) >/dev/null; then \
	    echo 'There is no Swift toolchain: install Swift 6 from https://www.swift.org/install/linux/ and put it in PATH.' >&2; \
	    exit 1; \
	fi

device:
	@if [ ! -e /dev/fuse ]; then \
	    echo 'There is no /dev/fuse: run `modprobe fuse`, or start the container with --device /dev/fuse --cap-add SYS_ADMIN.' >&2; \
	    exit 1; \
	fi

deps: toolchain
	@missing=(); \
	if ! command -v dpkg-query >/dev/null; then \
	    echo 'This is no Debian; the packages needed are called there: $(PACKAGES)'; \
	    exit 0; \
	fi; \
	for package in $(PACKAGES); do \
	    status=$$(dpkg-query -W -f '$${Status}' "$$package" 2>/dev/null || true); \
	    [ "$$status" = 'install ok installed' ] || missing+=("$$package"); \
	done; \
	if [ $${#missing[@]} -eq 0 ]; then exit 0; fi; \
	as_root=(); \
	if [ "$$(id -u)" -ne 0 ]; then \
	    if ! command -v sudo >/dev/null; then \
	        echo "Missing: $${missing[*]}. Install them as root: apt-get install $${missing[*]}" >&2; \
	        exit 1; \
	    fi; \
	    as_root=(sudo); \
	fi; \
	echo "Installing with apt-get: $${missing[*]}"; \
	"$${as_root[@]}" apt-get update -q; \
	"$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -q -y --no-install-recommends "$${missing[@]}"
