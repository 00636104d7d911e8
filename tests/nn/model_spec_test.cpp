// Networks of one's own that go by a name.
#include "nn/model_spec.h"

#include "nn/linear.h"
#include "nn/models.h"
#include "nn/saved_model.h"
#include "tests/data/idx_files.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// LeNet-5 whose logits are halved, for images as it takes them.
Sequential own_lenet(const Shape& image, Index classes, double dropout, Rng& rng) {
  Sequential net = lenet5(image, classes, dropout, rng);
  net.add([](const Tensor& logits) { return logits * real(0.5); });
  return net;
}

// Before main(), as a source that is linked into a program would.
const bool known = register_model("own-lenet", own_lenet, "a network of the tests");

}  // namespace

TEST_CASE("a network that is registered is known wherever networks have names") {
  REQUIRE(known);
  check_model_spec("own-lenet");
  const auto preset = std::ranges::find(model_presets(), "own-lenet", &Preset::name);
  REQUIRE(preset != model_presets().end());
  CHECK(preset->what == "a network of the tests");
  Rng rng(1);
  Sequential net = make_model("own-lenet", {1, 28, 28}, 10, {}, rng);
  CHECK(net.parameter_count() == 61'706);
  net.eval();
  const Folder folder;
  save_model(net, folder.file("x.safetensors"),
             {.spec = "own-lenet", .image = {1, 28, 28}, .classes = 10});
  SavedModel loaded = load_model(folder.file("x.safetensors"));
  CHECK(loaded.info.spec == "own-lenet");
  const Tensor x = random_tensor({2, 1, 28, 28}, 2);
  CHECK(difference(loaded.network(x), net(x)) < 1e-6);  // files hold floats
  CHECK(contains(error_of([] { check_model_spec("own-lenets"); }), "or cnn-tiny, or own-lenet"));
}

TEST_CASE("a name is given once, and is one that an option and a file can hold") {
  CHECK(error_of([] { register_model("own-lenet", own_lenet); }) ==
        "register_model: there is a model \"own-lenet\" already");
  CHECK(error_of([] { register_model("lenet5", own_lenet); }) ==
        "register_model: there is a model \"lenet5\" already");
  for (const char* bad : {"", "mlp:8", "a b", "a,b", "é"}) {
    CHECK(error_of([=] { register_model(bad, own_lenet); }) ==
          fmt::format("register_model: a name has letters, digits, '-', '_' and '.'; got \"{}\"",
                      bad));
  }
  CHECK(error_of([] { register_model("nothing", nullptr); }) ==
        "register_model: \"nothing\" has no function that makes the network");
  CHECK(contains(error_of([] { check_model_spec("nothing"); }), "is not known"));
  CHECK(error_of([] { register_model("mlp", lenet5); }) ==
        "register_model: \"mlp\" is what mlp:… begins with");
  Rng rng(1);
  const Folder folder;
  CHECK(contains(error_of([&] {
                   save_model(mlp({4, 2}, {}, rng), folder.file("x"),
                              {.spec = "unheard-of", .image = {1, 2, 2}, .classes = 2});
                 }),
                 "\"unheard-of\" is not known"));
  CHECK_FALSE(std::filesystem::exists(folder.file("x")));
}
