# make docs   the reference of the public headers, and the chapters, as pages: build/docs/html

CHAPTERS := $(wildcard README.md */README.md */*/README.md)

.PHONY: docs
docs: build/deps-docs
	@mkdir -p build/docs
	@{ cat .make/Doxyfile; echo 'INPUT = $(HEADERS) $(CHAPTERS)'; \
	   echo 'IMAGE_PATH = $(filter-out ./,$(dir $(CHAPTERS)))'; \
	   echo 'PROJECT_NUMBER = $(VERSION)'; } | doxygen -
	@echo '  build/docs/html/index.html'
build/deps-docs: Makefile
	$(call install,doxygen)
