# make stats   the lines of each folder, and those of code, which are neither empty nor a comment;
#              the median of a file's lines, and the files of more than 400

.PHONY: stats
stats:
	@awk -f .make/stats.awk $(filter-out tests/install/% build/%,$(wildcard \
	   $(foreach at,*/* */*/* */*/*/* */*/*/*/*,$(foreach end,h cpp,$(at).$(end)))))
