# MPI=1: programs of several processes (nn/train/ranks.h). Usual where the package is there, Open MPI's
# or MPICH's; `make deps MPI=1` installs the former. One object sees it, and programs and the library
# are linked with it.
# make test-mpich   the tests of several processes by MPICH, which is installed beside the other; the
#                   next make links all by the usual one again

# The name of the library and of its folder of headers: mpi is Debian's default, Open MPI where there
# are both; mpich is MPICH.
MPI_LIB ?= mpi
MPI_INCLUDE ?= /usr/include/$(TRIPLE)/$(MPI_LIB)
MPI ?= $(if $(wildcard $(MPI_INCLUDE)/mpi.h),1,0)
MPI_PACKAGES ?= libopenmpi-dev openmpi-bin
OF_RANKS := $(call objects,nn/train/ranks.cpp nn/train/one_rank.cpp)

ifeq ($(MPI),1)
  MPI_FLAGS := -DLIMBECK_MPI -isystem $(MPI_INCLUDE)
  LDLIBS += -Wl,--push-state,--as-needed -l$(MPI_LIB) -Wl,--pop-state
deps $(OF_RANKS): | build/deps-mpi
endif

# When that changes, these objects are built anew, and what has them is linked anew.
$(OF_RANKS): private CPPFLAGS += $(MPI_FLAGS)
$(OF_RANKS): $(BUILD)/mpi
$(BUILD)/mpi: ;
$(call keep,$(BUILD)/mpi,$(MPI_FLAGS))

build/deps-mpi: Makefile
	$(if $(wildcard $(MPI_INCLUDE)/mpi.h),@mkdir -p $(@D); touch $@,$(call install,$(MPI_PACKAGES)))

# Those files of tests that call mpirun.
OF_MPIRUN := */*ranks_test.cpp,*/ranks_end_test.cpp,*/study_jobs_test.cpp,*/bench_test.cpp
.PHONY: test-mpich
test-mpich: build/deps-mpich
	@$(MAKE) --no-print-directory MPI=1 MPI_LIB=mpich all $(TESTS)
	@rm -rf build/mpich && mkdir build/mpich && printf '#!/bin/sh\nexec mpirun.mpich "$$@"\n' > build/mpich/mpirun && \
	   chmod +x build/mpich/mpirun
	@PATH="$$PWD/build/mpich:$$PATH" tests/run.sh $(TESTS) --source-file='$(OF_MPIRUN)'
build/deps-mpich: Makefile
	$(call install,$(PACKAGES) libmpich-dev mpich)
