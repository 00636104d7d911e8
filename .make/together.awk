# One source of several tests, since most of a test's compile time goes to what all of them
# instantiate: strings, vectors, doctest. Each file keeps a namespace to itself, and its lines their
# numbers.
#   awk -f .make/together.awk FILE...
FNR == 1 { head = 1 }
!/^(#|\/\/|$)/ { head = 0 }
head && /^#include / {
  if (!($0 in included)) print
  included[$0] = 1
  $0 = ""
}
FNR == 1 {
  if (files++) bodies = bodies "}\n"
  bodies = bodies "namespace test_file_" files " {\n#line 1 \"" FILENAME "\"\n"
}
{ bodies = bodies $0 "\n" }
END { printf "%s}\n", bodies }
