# Which sources are compiled together, as one: those of a folder, up to `limit` bytes at a time. Prints
# a word "OBJECT:SOURCE" for each, where OBJECT, FOLDER/NAME-N.cpp, is what is compiled; a source that
# stays alone is its own.
#   awk -f .make/in_groups.awk limit=30000 name=full FILE... limit=9000 name=quick FILE...
#
# What two sources declare under the same name, at the beginning of a line, would be declared twice,
# so they are not put into the same group. (Tests get a namespace each, and may: names_apart=0.)
FNR == 1 {
  place()
  file = FILENAME
  file_name = name
  file_limit = limit
  apart = names_apart
  bytes = 0
  split("", names)
}
{ bytes += length($0) + 1 }
/^[A-Za-z_]/ && apart && !/^(namespace|template|extern)/ {
  declared = $0
  sub(/ : .*/, "", declared)
  sub(/ *[({=;].*/, "", declared)
  sub(/.*[ &*]/, "", declared)
  if (declared ~ /^[A-Za-z_0-9]+$/) names[declared] = 1
}
END {
  place()
  for (i = 1; i <= files; ++i) {
    print (members[group_of[i]] > 1 ? group_of[i] ".cpp" : sources[i]) ":" sources[i]
  }
}
# Puts `file` into the first group of its folder that has room for it.
function place(  folder, group, number, other) {
  if (file == "" || file == "/dev/null") return
  folder = file
  sub(/\/[^\/]*$/, "", folder)
  for (number = 1; ; ++number) {
    group = folder "/" file_name "-" number
    if (!(group in size)) break
    if (size[group] + bytes > file_limit) continue
    for (other in names) if ((group, other) in taken) break
    if (!((group, other) in taken)) break
  }
  size[group] += bytes
  ++members[group]
  for (other in names) taken[group, other] = 1
  sources[++files] = file
  group_of[files] = group
}
