// to_dot: the recorded graph in graphviz's language.
#include "core/inspect/graph.h"

#include "nn/linear.h"
#include "nn/sequential.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("to_dot lists each op and leaf once, with an arrow for each use") {
  Tensor x = Tensor::scalar(3);
  x.requires_grad().set_name("x");
  const Tensor b = Tensor::scalar(1);
  const Tensor u = x + b;
  const Tensor loss = u * u + x;
  // Written by hand, in the order of the walk: the loss first, inputs from the left.
  CHECK(to_dot(loss) ==
        "digraph {\n"
        "  node [fontname=\"sans-serif\"];\n"
        "  n0 [shape=ellipse, label=\"add\\n()\"];\n"
        "  n1 [shape=ellipse, label=\"mul\\n()\"];\n"
        "  n1 -> n0;\n"
        "  n2 [shape=box, style=filled, fillcolor=lightblue, label=\"x\\n()\"];\n"
        "  n2 -> n0;\n"
        "  n3 [shape=ellipse, label=\"add\\n()\"];\n"
        "  n3 -> n1;\n"
        "  n3 -> n1;\n"
        "  n2 -> n3;\n"
        "  n4 [shape=box, label=\"constant\\n()\"];\n"
        "  n4 -> n3;\n"
        "}\n");
}

TEST_CASE("to_dot shows a network's parameters by name and its ops by layer") {
  Rng rng(1);
  Sequential net(Linear({.in = 3, .out = 4}, rng), ReLU(), Linear({.in = 4, .out = 2}, rng));
  net.set_name("student");
  const std::string dot = to_dot(sum(net(random_tensor({5, 3}, 2))));
  for (const char* part :
       {"student.0.weight\\n(4, 3)", "student.0.bias\\n(4)", "student.2.weight\\n(2, 4)",
        "linear\\n(5, 2)\\nstudent.2 (Linear)", "sum\\n()", "constant\\n(5, 3)"}) {
    CAPTURE(dot);
    CHECK(count(dot, part) == 1);
  }
}

TEST_CASE("names in to_dot cannot break out of their quotes") {
  Tensor x = Tensor::scalar(3);
  x.requires_grad().set_name("a \"b\" \\");
  CHECK(contains(to_dot(x * 2), "label=\"a \\\"b\\\" \\\\\\n()\""));
}

TEST_CASE("to_dot refuses what has no graph, or has it no more") {
  Tensor x = Tensor::scalar(3);
  CHECK(contains(error_of([&] { to_dot(x * 2); }), "to_dot: nothing is recorded"));
  x.requires_grad();
  const Tensor loss = x * 2;
  loss.backward();
  CHECK(contains(error_of([&] { to_dot(loss); }), "the graph through mul () is freed already"));
}

TEST_CASE("a graph of a hundred thousand ops is drawn without recursion") {
  Tensor x = Tensor::scalar(0);
  x.requires_grad();
  Tensor y = x;
  for (int i = 0; i < 100'000; ++i) y = -y;
  CHECK(count(to_dot(y), "label=\"neg") == 100'000);
}
