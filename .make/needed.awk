# What programs are made of: for each of the sources ROOTS, what has to be compiled and linked with it,
# a word "ROOT:SOURCE" each. Sources that are compiled together ("GROUP:SOURCE" each, of
# .make/in_groups.awk) are needed together, and are GROUP.
#   awk -v roots="ROOT..." -v always="SOURCE..." -v made="SOURCE..." -v together="GROUP:SOURCE..."
#     -f .make/needed.awk FILE...
#
# FILEs are all headers and sources that there are, but for those that are yet to be made. What a
# file includes it needs, with what implements that: of core/tensor.h the source of that name,
# core/tensor.cpp; and a source without such a header implements those that it includes of its own
# folder and, in the library, of the one above. (Where that finds too little, the linker says so.)
/^#include "/ {
  split($0, part, "\"")
  includes[FILENAME] = includes[FILENAME] " " part[2]
}
function folder(file) {
  sub(/\/[^\/]*$/, "", file)
  return file
}
FNR == 1 { exists[FILENAME] = 1 }
END {
  count = split(made, sources, " ")
  for (i = 1; i <= count; ++i) exists[sources[i]] = 1
  roots_count = split(roots, root, " ")
  for (r = 1; r <= roots_count; ++r) is_root[root[r]] = 1
  for (file in exists) {
    if (file !~ /\.cpp$/ || file in is_root) continue
    header = file
    sub(/\.cpp$/, ".h", header)
    implementers[header] = implementers[header] " " file
    if (header in exists) continue
    count = split(includes[file], headers, " ")
    for (i = 1; i <= count; ++i) {
      at = folder(headers[i])
      above = file ~ /^tests\// ? "" : folder(folder(file))
      if (at == folder(file) || at == above) {
        implementers[headers[i]] = implementers[headers[i]] " " file
      }
    }
  }
  count = split(together, words, " ")
  for (i = 1; i <= count; ++i) {
    split(words[i], part, ":")
    if (part[1] == part[2] || !(part[2] in exists)) continue
    compiled_in[part[2]] = part[1]
    includes[part[1]] = includes[part[1]] " " part[2]
  }
  for (r = 1; r <= roots_count; ++r) {
    split("", seen)
    left = split(root[r] " " always, todo, " ")
    while (left > 0) {
      file = todo[left--]
      if (file in seen) continue
      seen[file] = 1
      if (file ~ /\.cpp$/ && compiled_in[file] == "") print root[r] ":" file
      count = split(includes[file] " " implementers[file] " " compiled_in[file], next_files, " ")
      for (i = 1; i <= count; ++i) todo[++left] = next_files[i]
    }
  }
}
