# make install     the library, static and shared, its headers, and what pkg-config and CMake need to
#                  find them; PREFIX=/usr/local, or another place, with DESTDIR in front of it
#
# The static library is for this machine's processor. The shared one comes in three, for x86-64-v2,
# -v3 and -v4, of which the loader takes the highest that the processor has (lib/glibc-hwcaps); with
# OPT=… or LEVEL=… there is one, for that; with ALL_LEVELS=FILE that file is put there for all of them
# (who tests where things are put need not wait for three libraries).
# make uninstall   takes all of that away again

VERSION := 0.1.0
$(BUILD)/core/version.o: private CPPFLAGS += -DLIMBECK_VERSION='"$(VERSION)"'
$(BUILD)/core/version.o: $(BUILD)/version
$(BUILD)/version: ;
$(call keep,$(BUILD)/version,$(VERSION))
PREFIX ?= /usr/local
SONAME := liblimbeck.so.$(firstword $(subst ., ,$(VERSION)))
SHARED := $(BUILD)/liblimbeck.so.$(VERSION)

# Kernels, which no other header includes, stay here.
HEADERS := $(filter-out core/kernels/%,$(wildcard $(LIB_FOLDERS:=/*.h)))

ROOT = $(DESTDIR)$(PREFIX)
PACKAGE_FILES := lib/pkgconfig/limbeck.pc lib/pkgconfig/limbeck-static.pc \
                 lib/cmake/Limbeck/LimbeckConfig.cmake lib/cmake/Limbeck/LimbeckConfigVersion.cmake
LEVELS := $(if $(filter x86_64%,$(TRIPLE)),$(if $(LEVEL)$(filter-out file,$(origin OPT)),,v3 v4))
HWCAPS := $(foreach level,v3 v4,lib/glibc-hwcaps/x86-64-$(level))
LIB_FILES := lib/liblimbeck.a lib/$(notdir $(SHARED)) lib/$(SONAME) lib/liblimbeck.so \
             $(foreach folder,$(HWCAPS),$(folder)/$(notdir $(SHARED)) $(folder)/$(SONAME))
library_for = $(or $(ALL_LEVELS),build/$(VARIANT)-$(1)/$(notdir $(SHARED)))
# The one in lib/ itself, which every processor can load that has none of the higher levels.
LOWEST := $(if $(LEVELS),$(call library_for,v2),$(SHARED))

.PHONY: install uninstall shared
shared: $(SHARED)
build/$(VARIANT)-v%/$(notdir $(SHARED)): force
	@$(MAKE) --no-print-directory LEVEL=v$* shared
.PHONY: force

$(SHARED): $(LIB_OBJECTS)
	@echo '  link    $@'
	@$(CXX) -shared -Wl,-soname,$(SONAME) $(LDFLAGS) $^ $(LDLIBS) -o $@

# Here a header is "core/tensor.h", there "limbeck/core/tensor.h". No file knows where PREFIX is, so
# that all that is installed may be moved elsewhere together.
install: $(LIB) $(LOWEST) $(foreach level,$(LEVELS),$(call library_for,$(level)))
	@echo '  install $(ROOT)'
	@rm -rf "$(ROOT)/include/limbeck"
	@for h in $(HEADERS); do \
	   mkdir -p "$(ROOT)/include/limbeck/$${h%/*}" && \
	   sed 's|^#include "|&limbeck/|' $$h > "$(ROOT)/include/limbeck/$$h" || exit 1; done
	@{ echo '// All of Limbeck.'; echo '#pragma once'; echo; \
	   printf '#include "limbeck/%s"\n' $(HEADERS); } > "$(ROOT)/include/limbeck/limbeck.h"
	@{ echo '// For tests of your own: the checkers of gradients.'; echo '#pragma once'; echo; \
	   echo '#include "limbeck/nn/testing.h"'; } > "$(ROOT)/include/limbeck/testing.h"
	@mkdir -p "$(ROOT)/lib/pkgconfig" "$(ROOT)/lib/cmake/Limbeck"
	@install -m 644 $(LIB) $(LOWEST) "$(ROOT)/lib"
	@ln -sf $(notdir $(SHARED)) "$(ROOT)/lib/$(SONAME)"
	@for level in $(LEVELS); do \
	   folder="$(ROOT)/lib/glibc-hwcaps/x86-64-$$level" && mkdir -p "$$folder" && \
	   install -m 644 $(call library_for,$$level) "$$folder" && \
	   ln -sf $(notdir $(SHARED)) "$$folder/$(SONAME)" || exit 1; done
	@ln -sf $(SONAME) "$(ROOT)/lib/liblimbeck.so"
	@for f in $(PACKAGE_FILES); do \
	   sed -e 's|@VERSION@|$(VERSION)|; s|@SONAME@|$(SONAME)|; s|@BLAS@|$(BLAS)|g' \
	       -e 's|@DEFINES@|$(filter -D%,$(CPPFLAGS))|; s|@MPI@|$(if $(MPI_FLAGS), -l$(MPI_LIB))|' .make/$${f##*/}.in > "$(ROOT)/$$f" || exit 1; done
	@$(if $(DESTDIR),,$(if $(filter /usr /usr/%,$(PREFIX)),ldconfig))

uninstall:
	@echo '  remove  $(ROOT)'
	@cd "$(ROOT)" && rm -rf include/limbeck lib/cmake/Limbeck $(PACKAGE_FILES) $(LIB_FILES)
	@cd "$(ROOT)" && rmdir -p $(HWCAPS) 2> /dev/null || true
