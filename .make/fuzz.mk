# make fuzz   runs the targets of tests/fuzz on bytes that libFuzzer changes, under the sanitizers:
#             TARGET=npy, all of them one after the other otherwise, for SECONDS=60 each, or for
#             RUNS=1000000. What reaches new code is kept in build/fuzz/TARGET, bytes with a finding
#             in build/fuzz/findings; FILE=build/fuzz/findings/npy-… shows it again.
# make fuzz-corpus   puts the smallest set of them that reaches as much into tests/fuzz/corpus

# (Not from the environment: TARGET is a common name there.)
TARGET = $(if $(FILE),$(firstword $(subst -, ,$(notdir $(FILE)))),$(notdir $(wildcard tests/fuzz/corpus/*)))
FILE =
SECONDS = 60
RUNS = -1
FUZZER := build/float-clang-fuzz/tests/fuzz/run
FUZZ_MAKE = $(MAKE) --no-print-directory CXX=clang++ SAN=fuzz REAL=float PROGRAMS=1 LEVEL= COVERAGE=0 SYNTAX=0

# What was freed is kept from use for 4 MB of other memory instead of 256: twice as many runs a second,
# and a run frees far less.
fuzz fuzz-corpus: export ASAN_OPTIONS ?= quarantine_size_mb=4

.PHONY: fuzz fuzz-corpus
fuzz:
	@$(FUZZ_MAKE) $(FUZZER)
	@for target in $(TARGET); do \
	   mkdir -p build/fuzz/$$target build/fuzz/findings; \
	   echo "== $$target"; \
	   LIMBECK_FUZZ_TARGET=$$target $(FUZZER) -max_total_time=$(SECONDS) -runs=$(RUNS) -max_len=600 \
	     -timeout=60 -malloc_limit_mb=1024 -print_final_stats=1 -dict=tests/fuzz/words.dict \
	     -artifact_prefix=build/fuzz/findings/$$target- \
	     $(or $(FILE),build/fuzz/$$target tests/fuzz/corpus/$$target) || exit 1; \
	 done
# (Without counters: how often a line is run does not count.)
fuzz-corpus:
	@$(FUZZ_MAKE) $(FUZZER)
	@for target in $(TARGET); do \
	   rm -rf build/fuzz/smallest && mkdir -p build/fuzz/smallest build/fuzz/$$target; \
	   LIMBECK_FUZZ_TARGET=$$target $(FUZZER) -merge=1 -use_counters=0 build/fuzz/smallest \
	     build/fuzz/$$target tests/fuzz/corpus/$$target 2> build/fuzz/merge.log && \
	     ls build/fuzz/smallest | grep -q . || { tail build/fuzz/merge.log; exit 1; }; \
	   rm -rf tests/fuzz/corpus/$$target && cp -r build/fuzz/smallest tests/fuzz/corpus/$$target; \
	   echo "$$target: $$(ls tests/fuzz/corpus/$$target | wc -l) files"; \
	 done
ifeq ($(SAN),fuzz)
$(FUZZER): $(call needed_by,tests/fuzz/main.cpp)
	@echo '  link    $@'
	@$(link)
endif
