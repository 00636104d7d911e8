#include "apps/study/crew.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <exception>
#include <vector>

#include "apps/common/stop_signal.h"
#include "apps/study/dealer.h"
#include "core/error.h"

namespace limbeck {
namespace {

class Alone : public Crew {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  bool first_works() const override { return true; }
  std::string name_of(int) const override { return "this process"; }
  void send(int, const std::string&) override {}
  std::optional<Message> receive(double) override { return {}; }
};

// A message on a socket is its length, 8 bytes, and its bytes. Whether all of it went, or came.
bool write_all(int socket, const void* bytes, std::size_t size) {
  const char* from = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t part = ::send(socket, from, size, MSG_NOSIGNAL);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return false;
    from += part, size -= static_cast<std::size_t>(part);
  }
  return true;
}

bool read_all(int socket, void* bytes, std::size_t size) {
  char* to = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t part = ::read(socket, to, size);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return false;
    to += part, size -= static_cast<std::size_t>(part);
  }
  return true;
}

bool write_message(int socket, const std::string& text) {
  const std::uint64_t size = text.size();
  return write_all(socket, &size, sizeof size) && write_all(socket, text.data(), text.size());
}

std::optional<std::string> read_message(int socket) {
  std::uint64_t size = 0;
  if (!read_all(socket, &size, sizeof size)) return {};
  std::string text(size, '\0');
  if (!read_all(socket, text.data(), text.size())) return {};
  return text;
}

// Whether there is something to read, or the other end is gone, within so many seconds.
std::vector<pollfd> wait_for(std::vector<pollfd> sockets, double seconds) {
  if (poll(sockets.data(), sockets.size(), static_cast<int>(std::ceil(1000 * seconds))) < 0) {
    for (pollfd& socket : sockets) socket.revents = 0;  // a signal came
  }
  return sockets;
}

// A job's side.
class Job : public Crew {
 public:
  Job(int rank, int size, int socket) : rank_(rank), size_(size), socket_(socket) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  bool first_works() const override { return false; }
  std::string name_of(int rank) const override { return fmt::format("job {}", rank); }
  void send(int, const std::string& text) override {
    if (!write_message(socket_, text)) fail("study", "the first process is gone");
  }
  std::optional<Message> receive(double seconds) override {
    if (wait_for({{.fd = socket_, .events = POLLIN, .revents = 0}}, seconds)[0].revents == 0) {
      return {};
    }
    const auto text = read_message(socket_);
    return text ? Message{0, *text} : Message{0, "it is gone", true};
  }

 private:
  int rank_, size_, socket_;
};

// The side of the first process.
class Jobs : public Crew {
 public:
  Jobs(int jobs, FunctionRef<void(Crew&)> work) {
    const pid_t first = getpid();
    for (int rank = 1; rank <= jobs; ++rank) {
      int ends[2];
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        refuse(rank, jobs, errno);
      }
      const pid_t pid = fork();
      if (pid < 0) {
        const int why = errno;
        for (const int end : ends) close(end);
        refuse(rank, jobs, why);
      }
      if (pid == 0) {
        for (const Child& other : children_) close(other.socket);
        close(ends[0]);
        be_a_job(first, Job(rank, jobs + 1, ends[1]), work);
      }
      close(ends[1]);
      children_.push_back({pid, ends[0]});
    }
  }
  ~Jobs() override { end_all(); }
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  int rank() const override { return 0; }
  int size() const override { return static_cast<int>(children_.size()) + 1; }
  bool first_works() const override { return false; }
  std::string name_of(int rank) const override {
    return fmt::format("job {} (process {})", rank, child(rank).pid);
  }
  void send(int to, const std::string& text) override {
    // If it is gone, receive() will tell, and why.
    if (child(to).socket >= 0) static_cast<void>(write_message(child(to).socket, text));
  }
  std::optional<Message> receive(double seconds) override {
    std::vector<pollfd> sockets;
    for (const Child& c : children_) {
      sockets.push_back({.fd = c.socket, .events = POLLIN, .revents = 0});  // of −1 none is heard
    }
    sockets = wait_for(std::move(sockets), seconds);
    for (int rank = 1; rank < size(); ++rank) {
      if (sockets[static_cast<std::size_t>(rank - 1)].revents == 0) continue;
      const auto text = read_message(child(rank).socket);
      return text ? Message{rank, *text} : Message{rank, end_of(rank), true};
    }
    return {};
  }

 private:
  struct Child {
    pid_t pid;
    int socket;  // −1: it is gone
  };

  const Child& child(int rank) const { return children_.at(static_cast<std::size_t>(rank - 1)); }

  [[noreturn]] void refuse(int rank, int jobs, int why) {
    end_all();
    fail("--jobs", "job {} of {} cannot be started: {}", rank, jobs, std::strerror(why));
  }

  void end_all() {
    for (const Child& child : children_) {
      if (child.socket < 0) continue;
      kill(child.pid, SIGKILL);  // nothing that it does is wanted any more
      close(child.socket);
      waitpid(child.pid, nullptr, 0);
    }
    children_.clear();
  }

  // Ends with the first process, however that ends.
  [[noreturn]] static void be_a_job(pid_t first, Job job, FunctionRef<void(Crew&)> work) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != first) _exit(1);
    try {
      work(job);
    } catch (const Dismissed&) {
      _exit(1);
    } catch (const std::exception& error) {
      try {
        tell_failure(job, error.what());
      } catch (const std::exception&) {
        // Nobody is left to hear it.
      }
      _exit(1);
    }
    _exit(0);
  }

  // Takes a child that has ended from the system, and says what ended it.
  std::string end_of(int rank) {
    Child& c = children_.at(static_cast<std::size_t>(rank - 1));
    close(c.socket);
    c.socket = -1;
    int status = 0;
    waitpid(c.pid, &status, 0);
    if (!WIFSIGNALED(status)) return fmt::format("ended with code {}", WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    return fmt::format("was ended by signal {} ({})", signal, strsignal(signal));
  }

  std::vector<Child> children_;
};

}  // namespace

void with_jobs(int jobs, FunctionRef<void(Crew&)> work) {
  if (jobs == 1) {
    Alone alone;
    work(alone);
    return;
  }
  Jobs crew(jobs, work);
  const StopSignal stop_signal;  // the first ends the others, and says what can be done
  work(crew);
}

}  // namespace limbeck
