# Which sources are compiled together, as one: those of a folder, up to `limit` bytes at a time. Prints
# a word "OBJECT:SOURCE" for each, where OBJECT, FOLDER/NAME-N.cpp, is what is compiled; a source that
# stays alone is its own.
#   awk -f .make/in_groups.awk limit=30000 name=full FILE... limit=9000 name=quick FILE...
#
# What two sources declare under the same name, at the beginning of a line, would be declared twice, or
# be the overload that is called, and a variable or a type of one would hide the function or the type
# that another means by its name: such sources are not put into the same group. (Functions that both
# declare for all to see may be there; tests get a namespace each, and may all: names_apart=0.) One
# that uses a whole namespace stays alone.
FNR == 1 {
  place()
  anonymous = 0
  file = FILENAME
  file_name = name
  file_limit = limit
  apart = names_apart
  bytes = 0
  split("", names)
  split("", words)
}
{ bytes += length($0) + 1 }
# What it says: types, and what is called.
apart {
  text = $0
  sub(/\/\/.*/, "", text)
  gsub(/\(/, "( ", text)
  count = split(text, in_line, /(\.|->)[A-Za-z_0-9]+|[^A-Za-z_0-9(]+/)
  for (i = 1; i <= count; ++i) {
    if (in_line[i] ~ /^[A-Z]|\($/) {
      sub(/\(/, "", in_line[i])
      words[in_line[i]] = 1
    }
  }
}
# What it declares, and how: a function for all to see (overload), one of its own, or what hides others.
/^[A-Za-z_]/ && apart && !/^(namespace|template|extern|using namespace)/ {
  declared = $0
  sub(/ : .*/, "", declared)
  is_function = declared ~ /^[^={;]*\(/
  sub(/ *[({=;].*/, "", declared)
  sub(/.*[ &*]/, "", declared)
  if (declared ~ /^[A-Za-z_0-9]+$/ && names[declared] != "hides") {
    names[declared] = !is_function ? "hides" : anonymous ? "function" : "overload"
  }
  for (text = $0; !is_function && match(text, /[A-Za-z_0-9]+ = /); text = substr(text, RSTART + RLENGTH)) {
    names[substr(text, RSTART, RLENGTH - 3)] = "hides"
  }
}
apart && /^using namespace/ && !/ detail;/ { bytes = limit + 1 }
apart && /^namespace \{/ { anonymous = 1 }
apart && /^}  \/\/ namespace$/ { anonymous = 0 }
END {
  place()
  for (i = 1; i <= files; ++i) {
    print (members[group_of[i]] > 1 ? group_of[i] ".cpp" : sources[i]) ":" sources[i]
  }
}
# Puts `file` into the first group of its folder that has room for it.
function place(  folder, group, number, word) {
  if (file == "" || file == "/dev/null") return
  folder = file
  sub(/\/[^\/]*$/, "", folder)
  for (number = 1; ; ++number) {
    group = folder "/" file_name "-" number
    if (!(group in size)) break
    if (size[group] + bytes <= file_limit && goes_into(group)) break
  }
  size[group] += bytes
  ++members[group]
  for (word in names) declared_in[group, word] = names[word]
  for (word in words) said_in[group, word] = 1
  sources[++files] = file
  group_of[files] = group
}
function goes_into(group,  word) {
  for (word in names) {
    if ((group, word) in declared_in &&
        (names[word] != "overload" || declared_in[group, word] != "overload")) return 0
    if (names[word] == "hides" && (group, word) in said_in) return 0
  }
  for (word in words) {
    if ((group, word) in declared_in && declared_in[group, word] == "hides") return 0
  }
  return 1
}
