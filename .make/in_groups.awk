# Which tests are compiled together: those of a folder, some 40 KB at a time. Reads what wc -c says
# of them, and prints a word "FOLDER/together-N:SOURCE" each.
$2 == "total" || $2 == "/dev/null" { next }
{
  folder = $2
  sub(/\/[^\/]*$/, "", folder)
  if (!(folder in number) || size[folder] + $1 > 45000) {
    ++number[folder]
    size[folder] = 0
  }
  size[folder] += $1
  print folder "/together-" number[folder] ":" $2
}
