#include "apps/common/stop_signal.h"

#include <csignal>

namespace limbeck {
namespace {

volatile std::sig_atomic_t signal_came = 0;

void remember(int signal) {
  signal_came = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

StopSignal::StopSignal() {
  signal_came = 0;
  std::signal(SIGINT, remember);
  std::signal(SIGTERM, remember);
}

StopSignal::~StopSignal() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool StopSignal::came() {
  return signal_came != 0;
}

}  // namespace limbeck
