#include "apps/common/training_log.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "apps/common/say.h"
#include "core/text.h"

namespace limbeck {
namespace {

constexpr Index bar_width = 24;

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Whether stderr is a terminal on which a line can be drawn anew: one that moves its cursor, and is
// wide enough for the bar.
bool can_draw_over() {
  constexpr unsigned widest_bar = 76;
  const char* const kind = std::getenv("TERM");
  winsize size{};
  return isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb" &&
         ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 &&
         (size.ws_col == 0 || size.ws_col >= widest_bar);
}

}  // namespace

TrainingLog::TrainingLog(bool quiet) : quiet_(quiet), terminal_(can_draw_over()) {}

void TrainingLog::say(const std::string& line) {
  if (!quiet_) limbeck::say("{}\n", line);
}

void TrainingLog::follow(TrainOptions& options) {
  if (quiet_) return;
  start_ = drawn_ = Clock::now();
  before_.reset();
  if (terminal_) {
    options.on_batch = [this](const Progress& progress) { draw_bar(progress); };
  }
  options.on_epoch = [this](const EpochReport& report) { write_epoch(report); };
}

void TrainingLog::draw_over(const std::string& line) {
  if (!terminal_ || quiet_) return;
  limbeck::say("\r\x1b[K{}", line);
  std::fflush(stderr);
}

void TrainingLog::clear_bar() {
  if (terminal_ && !quiet_) limbeck::say("\r\x1b[K");
}

void TrainingLog::draw_bar(const Progress& p) {
  const Index done = (p.epoch - 1) * p.batches + p.batch;
  if (!before_) before_ = done - 1;
  const auto now = Clock::now();
  if (seconds_between(drawn_, now) < 0.1) return;
  drawn_ = now;
  const Index all = p.epochs * p.batches;
  const double left = seconds_between(start_, now) * static_cast<double>(all - done) /
                      static_cast<double>(done - *before_);
  std::string bar;
  for (Index i = 0; i < bar_width; ++i) bar += i < bar_width * done / all ? "█" : "░";
  draw_over(fmt::format("  epoch {:>2}/{}  {}  {:>3} %  loss {:.4f}  {} left", p.epoch, p.epochs,
                        bar, 100 * done / all, p.loss, duration(left)));
}

void TrainingLog::write_epoch(const EpochReport& r) {
  std::string line = fmt::format("  epoch {:>2}/{}  loss {:.4f}", r.epoch, r.epochs, r.loss);
  if (r.terms.size() > 1) {
    std::string terms;
    for (const TermValue& term : r.terms) {
      const bool tells_weight = term.has_own_weight() && term.weight != 1;
      terms += fmt::format("{}{}{} {:.4f}", terms.empty() ? "" : ", ",
                           tells_weight ? fmt::format("{:.3g} × ", term.weight) : "", term.name,
                           term.value);
    }
    line += fmt::format(" ({})", terms);
  }
  if (r.validation_errors) {
    line += fmt::format("  validation errors {:>4}", thousands(*r.validation_errors));
  }
  if (r.errors) line += fmt::format("  test errors {:>4}", thousands(*r.errors));
  if (r.agreement) line += fmt::format("  agreement {:.1f} %", 100 * *r.agreement);
  line += fmt::format("  {:.2f} s", r.seconds);
  limbeck::say("{}{}\n", terminal_ ? "\r\x1b[K" : "", line);
  for (const std::string& warning : r.warnings) limbeck::say("  warning: {}\n", warning);
}

std::string duration(double seconds) {
  const auto whole = static_cast<Index>(std::ceil(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  return fmt::format("{} min {:02} s", whole / 60, whole % 60);
}

}  // namespace limbeck
