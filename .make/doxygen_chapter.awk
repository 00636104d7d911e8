# Lets Doxygen read our chapters: links to sources, which it has no pages of, and to sections, which
# it calls by names of its own, become plain text or lead to the chapter; and "@" and "\" are no
# commands.

function plain_links(line,    link, target, result) {
  while (match(line, /\[[^][]+\]\([^() ]+\)/)) {
    link = substr(line, RSTART, RLENGTH)
    result = result substr(line, 1, RSTART - 1)
    line = substr(line, RSTART + RLENGTH)
    target = link
    sub(/^.*\]\(/, "", target)
    if (target ~ /README\.md/) {
      sub(/#[^)]*/, "", link)
    } else if (target !~ /^https?:/ && result !~ /!$/) {
      sub(/^\[/, "", link)
      sub(/\]\([^)]*\)$/, "", link)
    }
    result = result link
  }
  return result line
}

function without_commands(line,    i, n, parts, result) {
  n = split(line, parts, "`")  # what is between backticks is code
  for (i = 1; i <= n; ++i) {
    if (i % 2) gsub(/[\\@]/, "\\\\&", parts[i])
    result = result (i > 1 ? "`" : "") parts[i]
  }
  return result
}

/^ *```/ { fenced = !fenced }
fenced || /^ *```/ {
  print
  next
}
{ print without_commands(plain_links($0)) }
