# Which tests are compiled together: those of a folder, some 40 KB at a time. Reads what wc -c says
# of them, and prints a word "FOLDER/together-N:SOURCE" each.
$2 == "total" { next }
{
  folder = $2
  sub(/\/[^\/]*$/, "", folder)
  if (folder != last || size + $1 > 45000) {
    number = folder == last ? number + 1 : 1
    last = folder
    size = 0
  }
  size += $1
  print folder "/together-" number ":" $2
}
