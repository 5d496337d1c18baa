# make            the Native AOT executable, bin/tinytorrent
# make test       every test that needs no network beyond loopback

SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: build test clean

export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1

RID ?= $(shell uname -sm | sed 's/Linux x86_64/linux-x64/;s/Linux aarch64/linux-arm64/;s/Darwin arm64/osx-arm64/;s/Darwin x86_64/osx-x64/')
# Sources only: what a build writes must not look like a change.
SOURCES := tinytorrent.csproj Program.cs $(shell find Core -name '*.cs')

build: bin/tinytorrent

# net10.0 is preferred; some package sources lack its Native AOT pack, net9.0's builds with the same SDK.
bin/tinytorrent: $(SOURCES)
	@mkdir -p bin obj
	@for f in net10.0 net9.0; do \
	  dotnet publish tinytorrent.csproj -c Release -r $(RID) -f $$f -p:TargetFrameworks=$$f -p:PublishAot=true \
	    -p:CppCompilerAndLinker=gcc -o obj/publish > obj/publish.log 2>&1 && { built=$$f; break; }; \
	  grep -q NU1101 obj/publish.log || { grep -E 'error|warning' obj/publish.log | sort -u; exit 1; }; \
	done; \
	[ -n "$$built" ] || { cat obj/publish.log; exit 1; }; \
	cp obj/publish/tinytorrent $@; \
	echo "bin/tinytorrent: $$(stat -c %s $@ | numfmt --grouping) bytes, $$built"

test:
	dotnet test Tests

clean:
	rm -rf bin obj Tests/obj
