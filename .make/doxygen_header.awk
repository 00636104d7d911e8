# Lets Doxygen read our headers, whose comments are plain:
#   - the comment at the top of a file documents the file;
#   - one before a declaration, without a blank line between, documents that and every following
#     declaration that has no comment of its own, up to the next blank line (an override among them
#     has the documentation of what it overrides);
#   - one behind a declaration, on its line, documents that;
#   - that of a class documents its constructors too, and the members that it names.
# A comment between blank lines stays one. Special members that say only whether there are such are
# left out.

# What Doxygen or Markdown would take for more than a letter; "2014. The" would begin a list.
function escaped(text,    i, n, parts, result) {
  n = split(text, parts, "`")  # what is between backticks is code
  for (i = 1; i <= n; ++i) {
    if (i % 2) gsub(/[\\@#<>&%$*]/, "\\\\&", parts[i])
    result = result (i > 1 ? "`" : "") parts[i]
  }
  if (result ~ /^ *[0-9]+\. /) sub(/\. /, "\\. ", result)
  return result
}

# The comment collected so far as documentation; indented lines, formulas and code, as they stand.
function documentation(    i, line, literal, result) {
  for (i = 1; i <= lines; ++i) {
    line = comment[i]
    if (!literal && line ~ /^  /) {
      literal = 1
      result = result indent "/// \\code{.unparsed}\n"
    } else if (literal && line !~ /^  / && !(line == "" && comment[i + 1] ~ /^  /)) {
      literal = 0
      result = result indent "/// \\endcode\n"
    }
    result = result indent "/// " (literal ? line : escaped(line)) "\n"
  }
  if (literal) result = result indent "/// \\endcode\n"
  lines = 0
  return result
}

# Whether names are declared here: this is neither a function's body nor an initial value.
function declares() {
  return depth == 0 || scope[depth] == "names"
}

# Follows the braces, and keeps in `statement` what has been read of a declaration.
function follow(code,    i, c) {
  sub(/ *\/\/.*/, "", code)
  for (i = 1; i <= length(code); ++i) {
    c = substr(code, i, 1)
    if (c == "{") {
      scope[++depth] = statement ~ names ? "names" : "body"
      if (declares()) {
        about[depth] = documented
        class[depth] = statement ~ /(class|struct) / ? statement : ""
        sub(/^.*(class|struct) +/, "", class[depth])
        sub(/[^A-Za-z0-9_].*/, "", class[depth])
        statement = documented = ""
      }
    } else if (c == "}") {
      if (declares()) documented = ""
      --depth
      if (declares() && statement ~ /\)/ && parentheses == 0) statement = ""
    } else if (declares()) {
      parentheses += (c == "(") - (c == ")")
      statement = c == ";" && parentheses == 0 ? "" : statement c
    }
  }
  statement = statement " "
  if (statement ~ /^ *(public: |protected: |private: )?$/) statement = ""
}

function constructs(code) {
  return class[depth] != "" && code ~ "^ *(explicit |constexpr )*" class[depth] "\\("
}

# What the comment of its class, unless it is missing, says of a member that has none of its own.
function told_by_class(code,    name) {
  name = code
  sub(/( = .*|{.*)?;.*/, "", name)
  sub(/^.*[ *&]/, "", name)
  if (class[depth] == "" || about[depth] == "") return ""
  if (constructs(code)) return "/// Made as the class tells.\n"
  if (code ~ /;/ && about[depth] ~ "[^A-Za-z_]" name "[^A-Za-z_]") {
    return "/// " name ": see the description above.\n"
  }
  return ""
}

# A line of code. "Index row, pixel;" is taken apart, since Doxygen would document one of the two.
function declare(code,    note, own, shared, type, parts, i, n) {
  if (declares() && code !~ /^ *}/ && match(code, / +\/\/ /)) {
    note = "  ///< " escaped(substr(code, RSTART + RLENGTH))
    code = substr(code, 1, RSTART - 1)
  }
  if (depth == 0 && code == "template <>") {  # a specialisation of somebody else's template
    print "/// \\cond"
    hidden = 1
  }
  if (statement == "" && declares() && code !~ /^ *(}|public:|protected:|private:)/) {
    shared = note == "" && code !~ / override|~|= delete;/ && !constructs(code)
    if (!used || shared) own = documented
    used = 1
    if (own == "" && code ~ /= (delete|default);/) code = ""
    if (own == "" && note == "") own = told_by_class(code)
  }
  if (code ~ /^ +[A-Za-z_:<>]+ [a-z_]+( = [^,({]+)?(, [a-z_]+( = [^,({]+)?)+;$/ && declares()) {
    match(code, /^ +[A-Za-z_:<>]+ /)
    type = substr(code, 1, RLENGTH)
    n = split(substr(code, RLENGTH + 1, length(code) - RLENGTH - 1), parts, ", ")
    for (i = 1; i <= n; ++i) print own type parts[i] ";" note
  } else {
    print own code note
    follow(code)
  }
}

BEGIN {
  # What opens a scope of them; "class FunctionRef<Result(Args...)>" does, too.
  names = "^ *(template *<.*> *)?(namespace|class|struct) [^(=<]*(<.*>[^(=]*)?$"
}
/^ *\/\// && statement == "" && declares() {
  indent = substr($0, 1, index($0, "/") - 1)
  comment[++lines] = substr($0, length(indent) + 4)
  next
}
!begun {
  begun = 1
  printf "/// \\file\n%s", documentation()
}
/^ *$/ {
  for (i = 1; i <= lines; ++i) print indent "// " comment[i]
  lines = 0
  documented = ""
  print
  next
}
/^ *#/ {
  print
  next
}
{
  if (lines) {
    documented = documentation()
    used = 0
  }
  declare($0)
}
END {
  if (hidden) print "/// \\endcond"
}
