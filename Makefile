# make            builds the library and the programs (apps/NAME.cpp becomes apps/NAME)
# make run        builds and runs the main program, on digits that it makes itself
# make test       builds and runs all tests; SAN=1 with sanitizers, REAL=double in double only,
#                 SAN=thread those of the DataLoader's thread with the thread sanitizer,
#                 PROGRAMS=0 without those of the programs
# make exercises  runs the tests of the chapters' exercises: those that are not done yet fail
# make bench      times training and inference against the bare matrix products
# make deps       installs the Debian packages that are missing (run, test and all do it too)
# make format     formats the sources in place; make lint only checks that they are formatted
# make check      all that must hold before a change is taken: .ci/run
# make install    puts the library where other projects find it: .make/install.mk
# make docs       writes the reference of the library into build/docs: .make/docs.mk
# make coverage   measures how much of the library the tests run through: .make/coverage.mk
# make clean      removes everything built

REAL ?= float
SAN ?= 0
COVERAGE ?= 0
WERROR ?= 0
OPT ?= -O3 -march=native

PACKAGES := g++ libopenblas-openmp-dev libfmt-dev zlib1g-dev nlohmann-json3-dev libcli11-dev libpng-dev \
            doctest-dev libonnx-dev libprotobuf-dev
ifneq (,$(findstring clang,$(CXX)))
  PACKAGES += clang libomp-dev
  COMPILER := -clang
endif

# Each variant has its own folder. The programs of the usual one are built beside their sources.
VARIANT := $(REAL)$(COMPILER)$(if $(filter 1,$(SAN)),-san)$(if $(filter thread,$(SAN)),-tsan)$(if \
             $(filter 1,$(COVERAGE)),-coverage)
BUILD := build/$(VARIANT)
BIN := $(if $(filter float,$(VARIANT)),.,$(BUILD))

# OpenBLAS in its OpenMP build, by name: Debian's default link may lead to the build with a thread
# pool of its own, and two pools on the same cores slow each other down.
TRIPLE := $(shell uname -m)-linux-gnu
BLAS := /usr/lib/$(TRIPLE)/openblas-openmp

# Vectors (core/vector.h) are passed between our own functions only, so it does not matter that the
# convention for it depends on the processor (-Wno-psabi). No errno from sqrt: it then is one
# instruction, and loops with it become vector code. (Not -ffast-math, which would let the compiler
# change results.)
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-psabi
CXXFLAGS := -std=c++20 $(OPT) $(WARNINGS) -fno-math-errno -fopenmp
CPPFLAGS := -I. -isystem /usr/include/$(TRIPLE)/openblas-openmp
LDFLAGS := -fopenmp -L$(BLAS) -Wl,-rpath,$(BLAS)
LDLIBS := -lopenblas -lfmt -lz
# The export to ONNX is built where its headers are, which is looked up when a program is linked:
# `deps` may install them in the same run.
ONNX_HEADERS := onnx/onnx_pb.h google/protobuf/message.h
ONNX_LDLIBS = $(if $(shell cd /usr/include && ls $(ONNX_HEADERS) >/dev/null 2>&1 && echo yes), \
                   -lonnx_proto -lprotobuf)
APP_LDLIBS = -lpng $(ONNX_LDLIBS)
ifeq ($(REAL),double)
  CPPFLAGS += -DLIMBECK_REAL_DOUBLE
endif
ifeq ($(SAN),1)
  # A request for more memory than there is must fail as it does without the sanitizer.
  export ASAN_OPTIONS ?= allocator_may_return_null=1
  CXXFLAGS += -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
  LDFLAGS += -fsanitize=address,undefined
endif
ifeq ($(SAN),thread)
  CXXFLAGS += -O1 -g -fsanitize=thread
  LDFLAGS += -fsanitize=thread
endif
ifeq ($(COVERAGE),1)
  CXXFLAGS += -O1 --coverage
  LDFLAGS += --coverage
endif

LIB_SOURCES := $(wildcard core/*.cpp nn/*.cpp nn/distill/*.cpp optim/*.cpp data/*.cpp)
COMMON_SOURCES := $(filter-out apps/examples/%,$(wildcard apps/*/*.cpp))
APP_SOURCES := $(wildcard apps/*.cpp apps/examples/*.cpp)
# (tests/install is a project of its own, that of somebody who has installed the library.)
TEST_SOURCES := $(filter-out tests/install/%,$(wildcard tests/*.cpp tests/*/*.cpp tests/*/*/*.cpp))
# Gradients are checked in double, so the usual test run is one in float and one in double; programs
# and what they share are tested in float only, and not with PROGRAMS=0.
PROGRAMS ?= $(if $(filter double,$(REAL)),0,1)
ifeq ($(PROGRAMS),0)
  TEST_SOURCES := $(filter-out tests/apps/%,$(TEST_SOURCES)) tests/apps/run_program.cpp
else
  TESTED_COMMON = $(COMMON)
endif
objects = $(patsubst %.cpp,$(BUILD)/%.o,$(1))
COMMON := $(call objects,$(COMMON_SOURCES)) $(BUILD)/apps/report/page_files.o
PAGE := $(wildcard apps/report/*.html apps/report/*.css apps/report/*.js)
LIB := $(BUILD)/liblimbeck.a
APPS := $(patsubst %.cpp,$(BIN)/%,$(APP_SOURCES))
TESTS := $(BUILD)/tests/run

MAKEFLAGS += --no-builtin-rules -j$(shell nproc)

.PHONY: all run test bench deps format lint check clean
.SECONDARY:

all: $(LIB) $(APPS)

run: $(BIN)/apps/mnist_distill
	$<

ifeq ($(REAL)$(SAN),float0)
test:
	@$(MAKE) --no-print-directory WERROR=1 REAL=float all build/float/tests/run
	@$(MAKE) --no-print-directory WERROR=1 REAL=double build/double/tests/run
	@tests/run.sh build/float/tests/run -- build/double/tests/run
else ifeq ($(SAN),thread)
test: $(TESTS)
	@tests/run.sh $(TESTS) --source-file='*data_loader_test*'
else
test: $(if $(filter 0,$(PROGRAMS)),,all) $(TESTS)
	@tests/run.sh $(TESTS)
endif

.PHONY: exercises
exercises: $(TESTS)
	$< --no-skip -tc='exercise*'

bench: $(BIN)/apps/bench
	$<

$(LIB): $(call objects,$(LIB_SOURCES))
	@rm -f $@
	@echo '  archive $@'
	@$(AR) rcs $@ $^

$(APPS): $(BIN)/%: $(BUILD)/%.o $(COMMON) $(LIB)
	@mkdir -p $(@D)
	@echo '  link    $@'
	@$(CXX) $(LDFLAGS) $^ $(APP_LDLIBS) $(LDLIBS) -o $@

$(TESTS): $(call objects,$(TEST_SOURCES)) $(TESTED_COMMON) $(LIB)
	@echo '  link    $@'
	@$(CXX) $(LDFLAGS) $^ $(APP_LDLIBS) $(LDLIBS) -o $@

# The same objects are in the shared library. In a program the linker takes the detours, by which
# its functions and data are found wherever it is loaded, away again.
SHAREABLE := -fPIC -fno-semantic-interposition
$(call objects,$(LIB_SOURCES)): CXXFLAGS += $(SHAREABLE)

# Tests are compiled more than they are run.
$(BUILD)/tests/%.o: CXXFLAGS += -O1
$(BUILD)/tests/%.o: CPPFLAGS += -DLIMBECK_BIN='"$(BIN)/apps"'

define compile
	@mkdir -p $(@D)
	@echo '  compile $<'
	@$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(if $(filter 1,$(WERROR)),-Werror) -MMD -MP -c $< -o $@
endef
$(BUILD)/%.o: %.cpp $(BUILD)/flags | build/deps$(COMPILER)
	$(compile)

# The page of a report becomes part of the programs: its files as strings of a C++ source.
$(BUILD)/%.o: $(BUILD)/%.cpp $(BUILD)/flags | build/deps$(COMPILER)
	$(compile)
$(BUILD)/apps/report/page_files.cpp: $(PAGE) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "apps/report/page_files.h"'; \
	   echo 'std::string_view limbeck::detail::page_file(const std::string& name) {'; \
	   for f in $(PAGE); do \
	     printf 'if (name == "%s") return R"limbeck(' $${f##*/}; cat $$f; echo ')limbeck";'; done; \
	   echo 'return {}; }'; } > $@

# Changes when the flags do, so that everything is then built anew.
FLAGS := $(CXX) $(CPPFLAGS) $(CXXFLAGS) $(SHAREABLE)
$(BUILD)/flags: force
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@
.PHONY: force

# Installs what is missing of a list of packages, or says how.
define install
	@mkdir -p $(@D)
	@missing=$$(for p in $(1); do \
	    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	  if [ -n "$$missing" ]; then \
	    install="apt-get install -y --no-install-recommends $$(echo $$missing)"; \
	    if [ "$$(id -u)" = 0 ]; then sudo=; \
	    elif command -v sudo > /dev/null; then sudo=sudo; \
	    else echo "Packages are missing. As root, run:  $$install"; exit 1; fi; \
	    echo "$$sudo $$install"; $$sudo apt-get update -qq && $$sudo $$install; \
	  fi
	@touch $@
endef

deps: build/deps$(COMPILER)
build/deps$(COMPILER): Makefile
	$(call install,$(PACKAGES))
build/deps-lint: Makefile
	$(call install,$(PACKAGES) clang clang-format)

FORMATTED = $(wildcard $(foreach d,core nn nn/distill optim data apps apps/* tests tests/* tests/*/*,$(d)/*.h $(d)/*.cpp))
format: build/deps-lint
	clang-format -i $(FORMATTED)
lint: build/deps-lint
	@echo '  clang-format: $(words $(FORMATTED)) files'
	@clang-format --dry-run --Werror $(FORMATTED)

check:
	@env -u MAKEFLAGS -u MAKELEVEL .ci/run

include $(wildcard .make/*.mk)

clean:
	rm -rf build $(patsubst %.cpp,%,$(APP_SOURCES))

-include $(patsubst %.o,%.d,$(call objects,$(LIB_SOURCES) $(APP_SOURCES) $(TEST_SOURCES)) $(COMMON))
