# MPI=1: programs of several processes (nn/train/ranks.h). Usual where the package is there, Open MPI's
# or MPICH's; `make deps MPI=1` installs the former. One object sees it, and programs and the library
# are linked with it.

MPI_INCLUDE ?= /usr/include/$(TRIPLE)/mpi
MPI ?= $(if $(wildcard $(MPI_INCLUDE)/mpi.h),1,0)
MPI_PACKAGES ?= libopenmpi-dev openmpi-bin
OF_RANKS := $(call objects,nn/train/ranks.cpp nn/train/one_rank.cpp)

ifeq ($(MPI),1)
  MPI_FLAGS := -DLIMBECK_MPI -isystem $(MPI_INCLUDE)
  LDLIBS += -Wl,--push-state,--as-needed -lmpi -Wl,--pop-state
deps $(OF_RANKS): | build/deps-mpi
endif

# When that changes, these objects are built anew, and what has them is linked anew.
$(OF_RANKS): private CPPFLAGS += $(MPI_FLAGS)
$(OF_RANKS): $(BUILD)/mpi
$(BUILD)/mpi: ;
$(call keep,$(BUILD)/mpi,$(MPI_FLAGS))

build/deps-mpi: Makefile
	$(if $(wildcard $(MPI_INCLUDE)/mpi.h),@mkdir -p $(@D); touch $@,$(call install,$(MPI_PACKAGES)))
