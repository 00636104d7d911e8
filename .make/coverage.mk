# make coverage   how much of the library its tests run through, by folder; an error where that is
#                 less than 95 % of the lines. build/coverage/index.html shows which are left.
#
# The tests run in a build of its own, in float and, since gradients are checked there, in double.
# Branches that only an exception takes do not count: nearly every call would have one.

GCOVR := gcovr --root . --exclude-throw-branches --gcov-ignore-parse-errors
LINES := build/coverage/lines.json

.PHONY: coverage
coverage: build/deps-coverage
	@rm -rf build/coverage && mkdir -p build/coverage
	@$(MAKE) --no-print-directory COVERAGE=1 PROGRAMS=0 REAL=float build/float-coverage/tests/run
	@$(MAKE) --no-print-directory COVERAGE=1 PROGRAMS=0 REAL=double build/double-coverage/tests/run
	@for real in float double; do \
	   find build/$$real-coverage -name '*.gcda' -delete; \
	   build/$$real-coverage/tests/run --minimal || exit 1; done
	@$(GCOVR) --filter '(core|nn|optim|data)/' --json $(LINES) \
	   --html-details build/coverage/index.html build/float-coverage build/double-coverage
	@failed=; for folder in core nn optim data; do \
	   echo "  $$folder"; \
	   $(GCOVR) --add-tracefile $(LINES) --filter $$folder/ --output build/coverage/$$folder.txt \
	     --print-summary --fail-under-line 95 | grep -v functions || failed=1; done; test -z "$$failed"
build/deps-coverage: Makefile
	$(call install,$(PACKAGES) gcovr)
