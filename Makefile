# make            the Native AOT executable, bin/tinytorrent (INSTRUCTIONS=native or avx2: for newer processors only)
# make demo       builds it, then runs the main job: tracker, seeder, two downloaders, every file compared
# make test       every test that needs no network beyond loopback
# make interop    the same job with other clients and trackers (root; installs them with apt-get)
# make pages      the catalogue's pages in a real browser (installs chromium with apt-get)
# make faults     kills at random moments, disks that fill, files that change under way, little memory (root)
# make mutants    breaks one rule of the program at a time and prints the breaks that no test notices (ONLY=choker,wire)
# make fuzz       every decoder before damaged input (SECONDS=60 each); failures are kept in Tests/Fuzz/failures
# make bench      CPU and memory beside other clients (SIZE=1024 RUNS=5; ONLY=downloads,uploads,hash,links,scale,trackers)
# make simulate   whole swarms on a simulated network, and crowds (SEEDS=1-2000, a failing one tells its seed; CROWD=100x1000, SITES=12 seeds)
# make soak       a tracker under churn, clients with restarts: memory, descriptors, threads and counters must hold (MINUTES=3)
# make static     bin/tinytorrent-static, one file that runs in an empty root
# make arm64      bin/tinytorrent-arm64, made here for a 64-bit ARM board, and the main job with it in an emulator
# make install    PREFIX=/usr/local, DESTDIR=

SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: build demo test interop faults mutants fuzz pages bench simulate soak static empty-root arm64 install clean FORCE

export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_CLI_UI_LANGUAGE := en
export DOTNET_NOLOGO := 1

PREFIX ?= /usr/local
SIZE ?= 1024
RUNS ?= 5
SEEDS ?= 1-2000
CROWD ?= 100x1000
SITES ?= 12
MINUTES ?= 3
RID ?= $(shell uname -sm | sed 's/Linux x86_64/linux-x64/;s/Linux aarch64/linux-arm64/;s/Darwin arm64/osx-arm64/;s/Darwin x86_64/osx-x64/')
# Optimised, and the invariants are recomputed after every event.
CHECKED := -c Release -p:Checked=true
# Sources only: what a build writes must not look like a change.
SOURCES := tinytorrent.csproj Program.cs $(shell find Core -type f)

build: bin/tinytorrent

# $(call publish,VARIANT,OUTPUT,PROPERTIES,INSTRUCTIONS): each variant has intermediate files of its own, as the SDK does not
# see that properties changed. net10.0 is preferred; some package sources lack its Native AOT pack, net9.0's builds with the
# same SDK.
define publish
@mkdir -p bin obj; \
for f in net10.0 net9.0; do \
  dotnet publish tinytorrent.csproj -c Release -r $(RID) -f $$f -p:TargetFrameworks=$$f -p:PublishAot=true \
    -p:BaseIntermediateOutputPath=obj/$(1)/ -p:BaseOutputPath=obj/$(1)/out/ -p:IlcInstructionSet=$(or $(4),$(INSTRUCTIONS)) $(3) \
    -o obj/$(1)/publish > obj/$(1).log 2>&1 && { built=$$f; break; }; \
  grep -q NU1101 obj/$(1).log || { grep -E 'error|warning' obj/$(1).log | sort -u; exit 1; }; \
done; \
[ -n "$$built" ] || { cat obj/$(1).log; exit 1; }; \
install -m 755 obj/$(1)/publish/tinytorrent $(2); \
echo "$(2): $$(stat -c %s $(2) | numfmt --grouping) bytes, $$built"
endef

bin/tinytorrent: $(SOURCES) Makefile obj/instructions
	$(call publish,aot$(INSTRUCTIONS),$@,-p:CppCompilerAndLinker=gcc)

bin/tinytorrent-native: $(SOURCES) Makefile
	$(call publish,aotnative,$@,-p:CppCompilerAndLinker=gcc,native)

# Debian's glibc resolves names from static code since 2.34 without loading anything; bfd and gold cannot link this.
bin/tinytorrent-static: $(SOURCES) Makefile obj/instructions
	@Tests/install.sh clang lld cmake libssl-dev
	$(call publish,static$(INSTRUCTIONS),$@,-p:StaticExecutable=true -p:StaticOpenSslLinking=true \
	  -p:CppCompilerAndLinker=clang -p:LinkerFlavor=lld)

bin/tinytorrent-arm64: RID = linux-arm64
bin/tinytorrent-arm64: $(SOURCES) Makefile
	@Tests/install.sh clang lld gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	$(call publish,arm64,$@,-p:CppCompilerAndLinker=clang -p:LinkerFlavor=lld)

# Holds the chosen instruction set; touched only when another is chosen.
obj/instructions: FORCE
	@mkdir -p obj; echo '$(INSTRUCTIONS)' | cmp -s - $@ || echo '$(INSTRUCTIONS)' > $@

static: bin/tinytorrent-static

demo: bin/tinytorrent
	@Tests/Demo/demo.sh

arm64: bin/tinytorrent-arm64
	@Tests/install.sh qemu-user-static
	@EMULATOR="qemu-aarch64-static -L /usr/aarch64-linux-gnu" Tests/Demo/demo.sh 20 bin/tinytorrent-arm64

test:
	@mkdir -p obj; dotnet test Tests $(CHECKED) | tee obj/test.log; result=$${PIPESTATUS[0]}; \
	awk -F'[:,]' '/ - Failed: +[0-9]+, Passed: +[0-9]+, Skipped:/ { f += $$2; p += $$4; s += $$6 } \
	  END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' obj/test.log | tee obj/test-total.log; exit $$result

interop: bin/tinytorrent
	@Tests/Interop/run.sh

pages: bin/tinytorrent
	@Tests/Pages/run.sh

fuzz:
	@FUZZ_SECONDS=$(or $(SECONDS),60) dotnet test Tests $(CHECKED) --filter FullyQualifiedName~FuzzTests --logger 'console;verbosity=detailed' | grep -E 'inputs,|Failed|error|Passed:|seed'; \
	  exit $${PIPESTATUS[0]}

mutants:
	@python3 -B Tests/Mutants/run.py --only "$(ONLY)"

faults: bin/tinytorrent
	@Tests/Faults/run.sh

bench: bin/tinytorrent bin/tinytorrent-native
	@Tests/Bench/run.sh --size $(SIZE) --runs $(RUNS) --only "$(ONLY)"

# Compiled for release: the invariants are checked by the simulation itself, after every event.
simulate:
	@SIMULATE_SEEDS=$(SEEDS) SIMULATE_CROWD=$(CROWD) SIMULATE_SITES=$(SITES) dotnet test Tests -c Release --filter FullyQualifiedName~Tests.Simulation -l 'console;verbosity=detailed' \
	  | grep -v '^\[xUnit'; exit $${PIPESTATUS[0]}

soak: bin/tinytorrent
	@PYTHONPATH=Tests/Faults python3 -B Tests/Bench/soak.py --minutes $(MINUTES)

empty-root: bin/tinytorrent-static
	@Tests/Static/empty-root.sh

install: bin/tinytorrent
	install -D -m 755 bin/tinytorrent $(DESTDIR)$(PREFIX)/bin/tinytorrent

clean:
	rm -rf bin obj Tests/obj
