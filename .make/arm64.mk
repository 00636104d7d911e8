# make test-arm64   on x86-64: the library for 64-bit Arm by Debian's cross compiler, and the tests of
#                   core, nn and optim, run by qemu; those in TOO_SLOW, minutes there, are left out
#
# Packages of that architecture come beside those of this one: dpkg is told of it first.

ARM64 := aarch64-linux-gnu
ARM64_PACKAGES := g++-$(ARM64) qemu-user nlohmann-json3-dev doctest-dev \
                  libopenblas-openmp-dev:arm64 libfmt-dev:arm64 zlib1g-dev:arm64 \
                  libpng-dev:arm64 libjpeg62-turbo-dev:arm64
ARM64_TESTS := build/float-aarch64/tests/run-level
TOO_SLOW := *a hundred training steps make no thread*,*a thousand steps without a gradient*

.PHONY: test-arm64
test-arm64: build/deps-arm64
	@$(MAKE) --no-print-directory CXX=$(ARM64)-g++ TRIPLE=$(ARM64) $(ARM64_TESTS)
	@tests/run.sh qemu-aarch64 -L / $(ARM64_TESTS) -tce='$(TOO_SLOW)'
build/deps-arm64: Makefile
	@dpkg --print-foreign-architectures | grep -qx arm64 || { \
	   if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	   $$sudo dpkg --add-architecture arm64 && $$sudo apt-get update -qq; }
	$(call install,$(ARM64_PACKAGES))
