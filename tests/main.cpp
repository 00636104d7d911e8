// The test program's main(), from doctest: its exit code is the verdict. --help lists its options;
// --test-case='*softmax*' runs some of the tests.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
