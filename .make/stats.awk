# Counts lines by the folders of the files that are given.
FNR == 1 {
  folder = FILENAME
  sub(/\/[^\/]*$/, "", folder)
  if (!(folder in files)) order[++folders] = folder
  ++files[folder]
  names[++all] = FILENAME
}
{
  ++lines[folder]
  ++length_of[FILENAME]
}
!/^[ \t]*(\/\/.*)?$/ { ++code[folder] }
END {
  printf "%-18s%8s%8s%10s\n", "folder", "files", "lines", "of code"
  for (i = 1; i <= folders; ++i) {
    f = order[i]
    printf "%-18s%8d%8d%10d\n", f "/", files[f], lines[f], code[f]
    sum_files += files[f]
    sum += lines[f]
    sum_code += code[f]
  }
  printf "%-18s%8d%8d%10d\n", "", sum_files, sum, sum_code
  for (i = 1; i <= all; ++i) {
    at = i  # insertion, by length
    for (n = length_of[names[i]]; at > 1 && sorted[at - 1] > n; --at) sorted[at] = sorted[at - 1]
    sorted[at] = n
    if (n > 400) printf "%s has %d lines\n", names[i], n
  }
  printf "the median file has %d lines\n", sorted[int((all + 1) / 2)]
}
