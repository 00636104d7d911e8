# make            builds the library and the programs (apps/NAME.cpp becomes apps/NAME)
# make run        builds and runs the main program, on digits that it makes itself
# make test       builds and runs all tests; SAN=1 with sanitizers, REAL=double in double only,
#                 SAN=thread those of the DataLoader's thread with the thread sanitizer,
#                 PROGRAMS=0 without those of the programs
# make check-one  builds and runs the tests of one file: TEST=tests/nn/linear_test.cpp
# make fuzz       a reader of files on bytes that libFuzzer changes: TARGET=npy SECONDS=60
# make fuzz-shapes  ops beside their definitions on other random shapes and programs: SEED=7 CASES=1000
# make exercises  runs the tests of the chapters' exercises: those that are not done yet fail
# make bench      times training and inference against the bare matrix products
# make deps       installs the Debian packages that are missing (run, test and all do it too);
#                 MPI=1 also those for programs of several processes: .make/mpi.mk
# make format     formats the sources in place; make lint only checks that they are formatted
# make check      all that must hold before a change is taken: .ci/run
# make install    puts the library where other projects find it: .make/install.mk
# make docs       writes the reference of the library into build/docs: .make/docs.mk
# make coverage   measures how much of the library the tests run through: .make/coverage.mk
# make stats      counts the lines of each folder
# make clean      removes everything built
#
# SYNTAX=1 with objects and kernels: looked through for warnings, and no code is made (CXX=clang++).
# LEVEL=v2, v3 or v4 with any of them: for all x86-64 processors of that level (-march=x86-64-v3), in
# a folder of its own, instead of for this machine's.

DRY_RUN := $(findstring n,$(firstword -$(MAKEFLAGS)))

REAL ?= float
SAN ?= 0
COVERAGE ?= 0
WERROR ?= 0
SYNTAX ?= 0
LEVEL ?=
ONE ?=

PACKAGES := g++ libopenblas-openmp-dev libfmt-dev zlib1g-dev nlohmann-json3-dev libcli11-dev libpng-dev \
            libjpeg62-turbo-dev doctest-dev libonnx-dev libprotobuf-dev
ifneq (,$(findstring clang,$(CXX)))
  PACKAGES += clang libclang-rt-dev libomp-dev
  COMPILER := -clang
endif

# What the compiler builds for: x86_64-linux-gnu, say. (It may not be there yet: `deps` gets it.)
HOST := $(shell uname -m)-linux-gnu
TRIPLE := $(or $(subst -pc,,$(shell $(CXX) -dumpmachine 2>/dev/null)),$(HOST))
NATIVE := $(if $(filter $(HOST),$(TRIPLE)),-march=native)
OPT ?= $(if $(ONE),-O1,-O3) $(if $(LEVEL),-march=x86-64-$(LEVEL),$(NATIVE))

# Each variant has its own folder. The programs of the usual one are built beside their sources.
VARIANT := $(REAL)$(COMPILER)$(if $(filter 1,$(SAN)),-san)$(if $(filter thread,$(SAN)),-tsan)$(if $(filter \
             fuzz,$(SAN)),-fuzz)$(if $(filter 1,$(COVERAGE)),-coverage)$(if $(filter \
             1,$(SYNTAX)),-syntax)$(addprefix -,$(LEVEL))$(if $(ONE),-one)$(if \
             $(filter $(HOST),$(TRIPLE)),,-$(firstword $(subst -, ,$(TRIPLE))))
BUILD := build/$(VARIANT)
BIN := $(if $(filter float,$(VARIANT)),.,$(BUILD))

# OpenBLAS in its OpenMP build, by name: Debian's default link may lead to the build with a thread
# pool of its own, and two pools on the same cores slow each other down.
BLAS := /usr/lib/$(TRIPLE)/openblas-openmp

# Vectors (core/kernels/vector.h) are passed between our own functions only, so it does not matter
# that the convention for it depends on the processor (-Wno-psabi). No errno from sqrt: it then is one
# instruction, and loops with it become vector code. Nor does anybody trap floating-point exceptions:
# of `x > 0 ? x : a * x` both sides may be computed, which then is no branch. (Not -ffast-math, which
# would let the compiler change results.)
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-psabi
# The objects are in the shared library, too (-fPIC). In a program the linker takes the detours, by
# which its functions and data are found wherever it is loaded, away again.
CXXFLAGS := -std=c++20 $(OPT) $(WARNINGS) -fno-math-errno -fno-trapping-math -fopenmp -fPIC -fno-semantic-interposition
CPPFLAGS := -I. -isystem /usr/include/$(TRIPLE)/openblas-openmp
LDFLAGS := -fopenmp -L$(BLAS) -Wl,-rpath,$(BLAS)
LDLIBS := -lopenblas -lfmt -lz -lpng -ljpeg
# What ONNX files hold is tested where the schema's own headers are, which is looked up when the tests
# are linked: `deps` may install them in the same run.
ONNX_HEADERS := onnx/onnx_pb.h google/protobuf/message.h
ONNX_LDLIBS = $(if $(shell cd /usr/include && ls $(ONNX_HEADERS) >/dev/null 2>&1 && echo yes), \
                   -lonnx_proto -lprotobuf)
ifeq ($(REAL),double)
  CPPFLAGS += -DLIMBECK_REAL_DOUBLE
endif
ifeq ($(SAN),1)
  # A request for more memory than there is must fail as it does without the sanitizer.
  export ASAN_OPTIONS ?= allocator_may_return_null=1
  CXXFLAGS += -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
  LDFLAGS += -fsanitize=address,undefined
endif
ifeq ($(SAN),thread)
  CXXFLAGS += -O1 -g1 -fsanitize=thread
  LDFLAGS += -fsanitize=thread
endif
ifeq ($(SAN),fuzz)
  CXXFLAGS += -O1 -g1 -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow -fno-sanitize-recover=all
  LDFLAGS += -fsanitize=fuzzer,address,undefined
endif
ifeq ($(COVERAGE),1)
  CXXFLAGS += -O1 --coverage
  LDFLAGS += --coverage
endif
# Below -O2 clang makes no vector code, and would complain of each loop that asks for it.
ifneq (,$(COMPILER))
  CXXFLAGS += $(if $(filter-out 0,$(SAN) $(COVERAGE))$(ONE),-Wno-pass-failed)
endif

LIB_FOLDERS := core core/* nn nn/* nn/*/* optim data data/*
LIB_SOURCES := $(wildcard $(LIB_FOLDERS:=/*.cpp))
COMMON_SOURCES := $(filter-out apps/examples/%,$(wildcard apps/*/*.cpp))
APP_SOURCES := $(wildcard apps/*.cpp apps/examples/*.cpp)
PAGE := $(wildcard apps/report/*.html apps/report/*.css apps/report/*.js)
# (tests/install is a project of its own, that of somebody who has installed the library.)
TEST_SOURCES := $(filter-out tests/install/% tests/fuzz/main.cpp,$(wildcard tests/*.cpp tests/*/*.cpp tests/*/*/*.cpp tests/*/*/*/*.cpp))
# Gradients are checked in double, so the usual test run is one in float and one in double; programs
# and what they share are tested in float only, and not with PROGRAMS=0.
PROGRAMS ?= $(if $(filter double,$(REAL)),0,1)
ifeq ($(PROGRAMS),0)
  TEST_SOURCES := $(filter-out tests/apps/% tests/fuzz/%,$(TEST_SOURCES)) tests/apps/run_program.cpp
else
  TESTED_COMMON = $(COMMON)
endif
# Nor in double: texts of the tree, readers of images and exporters, which have bytes and floats in
# their files.
ifeq ($(REAL),double)
  TEST_SOURCES := $(filter-out $(patsubst %,tests/%_test.cpp,readme snippets structure) tests/exercises/% \
                    tests/data/formats/% tests/core/inspect/% tests/nn/export/%,$(TEST_SOURCES))
endif
objects = $(patsubst %.cpp,$(BUILD)/%.o,$(1))
# What is not the same for every processor: it includes vectors or tiles, or has its own.
OF_KERNELS := '"core/kernels/(vector|elementary|transpose|product_tile|panel_product|small_product|channels_last|winograd_transform|processor_features)\.h"|vector_size'
# What parses arguments and files, and tests yet more, are compiled more than they are run. (One
# example is about speed.)
FAST := apps/examples/product_ladder.cpp
QUICK_SOURCES := $(filter core/files/% core/inspect/% data/formats/% nn/train/% nn/export/% nn/import/%,$(LIB_SOURCES)) \
  data/idx.cpp data/load_images.cpp $(filter-out %_loss.cpp,$(wildcard nn/distill/*.cpp)) \
  $(foreach name,chains method_table named_methods objective_text usual_taps, \
    nn/distill/methods/$(name).cpp) nn/first_step.cpp nn/model_spec.cpp nn/models.cpp \
  nn/module.cpp nn/saved_model.cpp nn/testing.cpp nn/weights.cpp optim/parameter_group.cpp \
  $(filter-out $(FAST),$(APP_SOURCES)) $(COMMON_SOURCES)
# Several sources of a folder are compiled as one, since most of the time goes to what all of them
# include and instantiate; but those of kernels, those with headers that may not be there, and those
# with flags of their own. A word OBJECT:SOURCE each. (Where no code is made, each source of the
# library and the programs is looked at by itself.)
LIMIT := $(if $(ONE)$(filter 1,$(SYNTAX)),0,50000)
ALONE := $(shell grep -lE $(OF_KERNELS)'|__has_include|LIMBECK_(MPI|VERSION)' /dev/null $(LIB_SOURCES) $(COMMON_SOURCES) $(TEST_SOURCES))
in_company = $(filter-out $(ALONE) $(APP_SOURCES),$(1))
TOGETHER := $(shell awk -f .make/in_groups.awk /dev/null \
  name=full limit=$(LIMIT) names_apart=1 $(call in_company,$(filter-out $(QUICK_SOURCES),$(LIB_SOURCES))) \
  name=quick $(call in_company,$(filter $(QUICK_SOURCES),$(LIB_SOURCES) $(COMMON_SOURCES))) \
  name=together limit=120000 names_apart=0 $(call in_company,$(filter %_test.cpp,$(sort $(TEST_SOURCES)))))
object_of = $(firstword $(subst :, ,$(1)))
source_of = $(lastword $(subst :, ,$(1)))
IN_GROUPS := $(foreach word,$(TOGETHER),$(call source_of,$(word)))
# What is compiled for these sources.
compiled = $(filter-out $(IN_GROUPS),$(1)) $(sort $(foreach word,$(TOGETHER),$(if $(filter \
             $(call source_of,$(word)),$(1)),$(call object_of,$(word)))))
objects_of = $(call objects,$(call compiled,$(1)))
LIB_OBJECTS := $(call objects_of,$(LIB_SOURCES))
COMMON := $(call objects_of,$(COMMON_SOURCES)) $(BUILD)/apps/report/page_files.o
TEST_OBJECTS := $(call objects_of,$(TEST_SOURCES))
ALL_TEST_OBJECTS := $(sort $(TEST_OBJECTS) $(call objects,$(TEST_SOURCES) $(TEST)))
LIB := $(BUILD)/liblimbeck.a

# What a program or a test is linked with. (core may be watched, by core/inspect, and looks whether
# the processor will do.)
ROOTS := $(APP_SOURCES) $(wildcard $(TEST) tests/main.cpp tests/fuzz/main.cpp)
ALWAYS := $(wildcard core/inspect/debug.cpp core/kernels/processor_check.cpp)
NEEDED := $(shell awk -v roots='$(ROOTS)' -v always='$(ALWAYS)' -v made=apps/report/page_files.cpp \
  -v together='$(filter-out tests/%,$(TOGETHER))' \
  -f .make/needed.awk /dev/null $(sort $(ROOTS) $(LIB_SOURCES) $(COMMON_SOURCES) \
  $(filter-out %_test.cpp,$(wildcard $(TEST_SOURCES))) $(wildcard $(LIB_FOLDERS:=/*.h) apps/*/*.h tests/*.h \
  tests/*/*.h tests/*/*/*.h tests/*/*/*/*.h)))
needed_by = $(call objects,$(sort $(foreach root,$(1),$(patsubst $(root):%,%,$(filter $(root):%,$(NEEDED))))))
APPS := $(patsubst %.cpp,$(BIN)/%,$(APP_SOURCES))
TESTS := $(BUILD)/tests/run
DOUBLE_TESTS := build/$(patsubst float%,double%,$(VARIANT))/tests/run

# As many compilers at once as this process may use processors, and has memory for.
MAKEFLAGS += --no-builtin-rules $(if $(filter 0,$(MAKELEVEL)),-j$(shell .make/jobs.sh))

.PHONY: all run test bench deps format lint check clean

all: $(LIB) $(APPS)

run: deps
	@.make/progress.sh run $(MAKE) --no-print-directory $(BIN)/apps/mnist_distill
	$(BIN)/apps/mnist_distill

ifeq ($(REAL)$(SAN),float0)
test:
	@$(MAKE) --no-print-directory REAL=float $(if $(filter 0,$(PROGRAMS)),,all) $(TESTS)
	@$(MAKE) --no-print-directory REAL=double $(DOUBLE_TESTS)
	@tests/run.sh $(TESTS) -- $(DOUBLE_TESTS)
else ifeq ($(SAN),thread)
test: $(TESTS)
	@tests/run.sh $(TESTS) --source-file='*data_loader_test*'
else
# (Under sanitizers these take minutes, and go through no line of ours that others do not: whether a
# student learns, exported code by hundreds of images, an onnxruntime that is not ours.)
SLOW_UNDER_SAN := *end_to_end_test*,*c_header_test*,*onnxruntime_test*
test: $(if $(filter 0,$(PROGRAMS)),,all) $(TESTS)
	@tests/run.sh $(TESTS) $(if $(filter 1,$(SAN)),--source-file-exclude='$(SLOW_UNDER_SAN)')
endif

KERNELS := $(call objects,$(shell grep -lE $(OF_KERNELS) $(LIB_SOURCES)))
.PHONY: kernels
kernels: $(KERNELS)

# Of the library, the programs and their tests.
.PHONY: objects
objects: $(LIB_OBJECTS) $(COMMON) $(call objects,$(APP_SOURCES) tests/fuzz/main.cpp) \
           $(call objects_of,$(filter tests/apps/% tests/fuzz/%,$(TEST_SOURCES)))

# The tests of core, nn and optim with the kernels for another processor (LEVEL=v2, say): what is not
# the same for every processor is compiled for that one, tests of it too, and the rest as it is anyway.
LEVEL_TEST := $(BUILD)/tests/run-level
LEVEL_TESTS := tests/apps/run_program.cpp tests/main.cpp \
                 $(filter tests/core/% tests/nn/% tests/optim/%,$(filter-out tests/nn/distill/% \
                   tests/nn/export/% tests/nn/import/% tests/nn/train/%,$(TEST_SOURCES)))
OF_THE_LEVEL := $(call objects,$(shell grep -lE $(OF_KERNELS) $(LIB_SOURCES) $(LEVEL_TESTS)))
OF_ALL_LEVELS := $(patsubst $(BUILD)/%,build/$(patsubst %-$(LEVEL),%,$(VARIANT))/%,$(filter-out \
                   $(OF_THE_LEVEL),$(LIB_OBJECTS) $(call objects_of,$(LEVEL_TESTS))))
.PHONY: test-level run-level
test-level:
	@$(MAKE) --no-print-directory LEVEL= $(OF_ALL_LEVELS)
	@$(MAKE) --no-print-directory run-level
run-level: $(LEVEL_TEST)
	@tests/run.sh $<
ifneq ($(LEVEL),)
$(OF_ALL_LEVELS): ;
endif
$(LEVEL_TEST): $(OF_ALL_LEVELS) $(OF_THE_LEVEL) $(BUILD)/sources
	@echo '  link    $@'
	@$(link)

# With what it needs, in a build of its own at -O1 where the library is not built yet.
ONE_TEST := $(patsubst %.cpp,$(BUILD)/%,$(TEST))
.PHONY: check-one run-one
check-one:
	@test -f '$(TEST)' || { echo 'make check-one TEST=tests/nn/linear_test.cpp, say'; exit 2; }
	@$(MAKE) --no-print-directory $(if $(wildcard $(LIB)),,ONE=1) run-one
run-one: $(ONE_TEST) $(if $(filter tests/apps/%,$(TEST)),$(APPS))
	@tests/run.sh $<
ifdef TEST
$(ONE_TEST): $(call needed_by,$(TEST) tests/main.cpp)
	@echo '  link    $@'
	@$(link)
endif

SEED ?= 1
CASES ?= 1000
.PHONY: fuzz-shapes
fuzz-shapes: $(TESTS)
	LIMBECK_FUZZ_SEED=$(SEED) LIMBECK_FUZZ_CASES=$(CASES) $< -tc='twins by chance*'

.PHONY: exercises
exercises: $(TESTS)
	$< --no-skip -tc='exercise*'

bench: $(BIN)/apps/bench
	$<

$(LIB): $(LIB_OBJECTS) $(BUILD)/sources
	@rm -f $@
	@echo '  archive $@'
	@$(AR) rcs $@ $(filter %.o,$^)

.SECONDEXPANSION:
link = $(CXX) $(LDFLAGS) $(filter %.o %.a,$^) $(if $(findstring /onnx_test.o,$^),$(ONNX_LDLIBS)) \
  $(LDLIBS) -o $@
$(APPS): $(BIN)/%: $$(call needed_by,$$*.cpp)
	@mkdir -p $(@D)
	@echo '  link    $@'
	@$(link)

$(TESTS): $(TEST_OBJECTS) $(TESTED_COMMON) $(LIB) $(BUILD)/sources
	@echo '  link    $@'
	@$(link)

QUICK := $(call objects_of,$(QUICK_SOURCES)) $(BUILD)/apps/report/page_files.o
$(QUICK) $(BUILD)/pch/quick.h.gch $(BUILD)/pch/quick.h.pch: private CXXFLAGS += $(if $(filter 0 fuzz,$(SAN)),-Og,-O0)
$(ALL_TEST_OBJECTS) $(BUILD)/pch/tests.h.gch $(BUILD)/pch/tests.h.pch: private CXXFLAGS += $(if $(filter fuzz,$(SAN)),-O1,-O0)
OF_TESTS := -DLIMBECK_BIN='"$(BIN)/apps"' -DDOCTEST_CONFIG_SUPER_FAST_ASSERTS
$(QUICK): private HEADERS_OF := quick
$(ALL_TEST_OBJECTS): private HEADERS_OF := tests
$(ALL_TEST_OBJECTS) $(BUILD)/pch/tests.h.gch $(BUILD)/pch/tests.h.pch: private CPPFLAGS += $(OF_TESTS)

# Define a macro before they include doctest.
$(BUILD)/tests/main.o $(BUILD)/tests/fuzz/main.o: private PCH :=

# Runs before all else, to say that the rest is not for this processor: for every processor.
ifneq (,$(filter x86_64%,$(TRIPLE)))
$(BUILD)/core/kernels/processor_check.o: private CXXFLAGS += -march=x86-64 -mno-avx
$(BUILD)/core/kernels/processor_check.o: private PCH :=
endif

# What nearly all sources include is compiled once for each set of flags: that saves a third of the
# time and more. (clang++ would otherwise instantiate in each source what the headers of all use. Where
# no code is made, most time goes to what few include, so that is in it, too.)
PCH = $(BUILD)/pch/$(or $(HEADERS_OF),full).h
ENDING := $(if $(COMPILER),pch,gch)
OF_FEW := $(if $(filter 1,$(SYNTAX)),nlohmann/json.hpp CLI/CLI.hpp regex)
$(BUILD)/pch/full.h.$(ENDING) $(BUILD)/pch/quick.h.$(ENDING): .make/common.h
$(BUILD)/pch/tests.h.$(ENDING): tests/testing.h
$(LIB_OBJECTS) $(call objects,$(FAST)): $(BUILD)/pch/full.h.$(ENDING)
$(QUICK): $(BUILD)/pch/quick.h.$(ENDING)
$(ALL_TEST_OBJECTS): $(BUILD)/pch/tests.h.$(ENDING)
$(BUILD)/pch/%.h.$(ENDING): $(BUILD)/flags | build/deps$(COMPILER)
	@mkdir -p $(@D)
	@echo '  compile $(filter .make/common.h tests/testing.h,$^) ($*)'$(PROGRESS)
	@echo '#include "$(filter .make/common.h tests/testing.h,$^)"' > $(basename $@)
	@for h in $(if $(filter full,$*),,$(OF_FEW)); do echo "#include <$$h>"; done >> $(basename $@)
	@$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(if $(COMPILER),-fpch-instantiate-templates) -MMD -MP -x c++-header \
	   $(basename $@) -o $@
-include $(wildcard $(BUILD)/pch/*.d)

define compile
	@mkdir -p $(@D)
	@echo '  compile $(<:$(BUILD)/%=%)'$(PROGRESS)
	@$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(addprefix -include ,$(PCH)) $(if $(filter 1,$(WERROR)),-Werror) -MMD -MP -c $< $(if $(filter \
	   1,$(SYNTAX)),-fsyntax-only -MF $(@:.o=.d) -MT $@ && touch $@,-o $@)
endef
PROGRESS = $(if $(BUILD_PROGRESS),"$$(.make/progress.sh step)")
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

# Sources that are compiled together. Of tests each has a namespace to itself.
members = $(foreach word,$(filter $(1).cpp:%,$(TOGETHER)),$(call source_of,$(word)))
groups = $(patsubst %,$(BUILD)/%,$(filter-out $(IN_GROUPS),$(call compiled,$(filter $(1),$(IN_GROUPS)))))
# Of the others a local name may well be one that another has for all of itself: whether it shadows
# one of its own source is told where each is looked at by itself.
OF_GROUPS := $(call groups,core/% nn/% optim/% data/% apps/%)
$(OF_GROUPS:.cpp=.o): private CXXFLAGS += -Wno-shadow $(if $(COMPILER),,-Wshadow=local)
$(OF_GROUPS): $(BUILD)/%.cpp: $(BUILD)/together
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(call members,$*) > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(call groups,tests/%): $(BUILD)/%.cpp: $$(call members,$$*) $(BUILD)/together .make/together.awk
	@mkdir -p $(@D)
	@awk -f .make/together.awk $(filter %.cpp,$^) > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# Change when the flags do, or the processor for which -march=native builds, so that everything is
# then built anew; and when there are other sources, so that what is gone is not linked any more.
FLAGS := $(CXX) $(CPPFLAGS) $(CXXFLAGS) $(subst ',,$(OF_TESTS)) $(if $(findstring native,$(CXXFLAGS)), \
           $(shell grep -m1 -E '^(flags|Features)' /proc/cpuinfo | cksum))
SOURCES := $(sort $(LIB_SOURCES) $(COMMON_SOURCES) $(TEST_SOURCES))
$(BUILD)/flags $(BUILD)/sources $(BUILD)/together: ;
keep = $(if $(DRY_RUN),,$(call keep_in,$(1),$(2)))
keep_in = $(shell mkdir -p $(BUILD); echo '$(2)' | cmp -s - $(1) || echo '$(2)' > $(1))
$(call keep,$(BUILD)/flags,$(FLAGS))
$(call keep,$(BUILD)/sources,$(SOURCES))
$(call keep,$(BUILD)/together,$(TOGETHER))

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

FORMATTED = $(wildcard $(foreach d,$(LIB_FOLDERS) apps apps/* tests tests/* tests/*/* tests/*/*/*,$(d)/*.h $(d)/*.cpp))
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

-include $(patsubst %.o,%.d,$(LIB_OBJECTS) $(call objects,$(APP_SOURCES) tests/fuzz/main.cpp) $(ALL_TEST_OBJECTS) $(COMMON))
