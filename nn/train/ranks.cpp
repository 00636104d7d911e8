#include "nn/train/ranks.h"

#ifdef LIMBECK_MPI
// The functions of C alone: the classes that MPI once had for C++ are in another library.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#endif

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <thread>

#include "core/error.h"
#include "core/parallel.h"
#include "core/processors.h"

namespace limbeck {
namespace {

int number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoi(text);
}

}  // namespace

int detail::started_as() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const int size = number_in(variable); size > 0) return size;
  }
  // srun tells a process of its interface to MPI, and only by another name how many there are.
  const bool by_srun = std::getenv("PMIX_RANK") != nullptr || std::getenv("PMI_RANK") != nullptr;
  return by_srun ? std::max(1, number_in("SLURM_STEP_NUM_TASKS")) : 0;
}

std::string Ranks::name_of(int rank) const {
  const auto i = static_cast<std::size_t>(rank);
  return fmt::format("rank {} of {}{}", rank, size_,
                     i < hosts_.size() ? " on " + hosts_[i] : std::string());
}

std::string Ranks::name() const {
  return name_of(rank_);
}

#ifdef LIMBECK_MPI

bool detail::has_mpi() {
  return true;
}

namespace {

constexpr std::size_t most = std::numeric_limits<int>::max();  // MPI counts by int

int abandoned = 0;     // sums that will never be there
std::string given_up;  // why: the last that this rank said

using Clock = std::chrono::steady_clock;
constexpr Clock::duration patience = std::chrono::seconds(2);
constexpr Clock::duration for_ever = std::chrono::hours(24 * 365 * 100);

bool is_running = false;  // MPI waits for a Ranks to end it

void tell(const std::string& name, const std::string& why) {
  std::fputs(fmt::format("{}: {}; all ranks stop\n", name, why).c_str(), stderr);
  std::fflush(stderr);
}

[[noreturn]] void stop_all(const std::string& name, const std::string& why) {
  tell(name, why);
  is_running = false;
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::abort();  // MPI_Abort does not come back
}

// Whether all ranks come here in that time.
bool all_come(MPI_Comm world, Clock::duration time) {
  const auto end = Clock::now() + time;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ibarrier(world, &request);
  for (int come = 0;;) {
    MPI_Test(&request, &come, MPI_STATUS_IGNORE);
    if (come != 0) return true;
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

MPI_Comm copy_of(MPI_Comm world) {
  MPI_Comm copy = MPI_COMM_NULL;
  MPI_Comm_dup(world, &copy);
  return copy;
}

template <class T, class Body>
void in_parts(std::span<T> values, const Body& body) {
  constexpr std::size_t at_most = 1 << 28;
  for (; !values.empty(); values = values.subspan(std::min(values.size(), at_most))) {
    const auto part = values.first(std::min(values.size(), at_most));
    body(part.data(), static_cast<int>(part.size()));
  }
}

std::vector<std::string> gather_in(MPI_Comm world, int size, const std::string& text) {
  const auto ranks = static_cast<std::size_t>(size);
  if (text.size() > most / ranks) {
    fail("Ranks::gather", "{} bytes are too many", text.size());
  }
  const int own = static_cast<int>(text.size());
  std::vector<int> sizes(ranks), begins(ranks);
  MPI_Allgather(&own, 1, MPI_INT, sizes.data(), 1, MPI_INT, world);
  std::size_t all = 0;
  for (std::size_t i = 0; i < ranks; all += static_cast<std::size_t>(sizes[i++])) {
    begins[i] = static_cast<int>(all);
  }
  std::string together(all, '\0');
  MPI_Allgatherv(text.data(), own, MPI_BYTE, together.data(), sizes.data(), begins.data(), MPI_BYTE,
                 world);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < ranks; ++i) {
    texts.push_back(
        together.substr(static_cast<std::size_t>(begins[i]), static_cast<std::size_t>(sizes[i])));
  }
  return texts;
}

// What Ranks::threads_each() tells, of the ranks of one machine.
int share_of_processors(MPI_Comm machine, int ranks_here) {
  const int available = available_processors();
  cpu_set_t own;
  CPU_ZERO(&own);
  if (sched_getaffinity(0, sizeof own, &own) != 0) CPU_ZERO(&own);
  std::vector<cpu_set_t> all(static_cast<std::size_t>(ranks_here));
  MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, machine);
  if (CPU_COUNT(&own) == 0) return std::max(1, available / ranks_here);
  double share = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    const auto uses = [cpu](const cpu_set_t& set) { return CPU_ISSET(cpu, &set); };
    if (uses(own)) share += 1 / static_cast<double>(std::ranges::count_if(all, uses));
  }
  // A quota is that of the machine's ranks together.
  if (available < CPU_COUNT(&own)) share = std::min(share, double(available) / ranks_here);
  return std::max(1, static_cast<int>(share + 1e-6));
}

}  // namespace

struct PendingSum::Request {
  MPI_Request request = MPI_REQUEST_NULL;
};

PendingSum::PendingSum() = default;
PendingSum::PendingSum(PendingSum&& other) noexcept = default;

PendingSum& PendingSum::operator=(PendingSum&& other) noexcept {
  wait();
  request_ = std::move(other.request_);
  return *this;
}

// An exception may be why the others do not come.
PendingSum::~PendingSum() {
  if (std::uncaught_exceptions() > 0 && !done()) {
    ++abandoned;
  } else {
    wait();
  }
}

bool PendingSum::done() {
  if (!request_) return true;
  int is_done = 0;
  MPI_Test(&request_->request, &is_done, MPI_STATUS_IGNORE);
  if (is_done != 0) request_.reset();
  return is_done != 0;
}

void PendingSum::wait() {
  if (!request_) return;
  MPI_Wait(&request_->request, MPI_STATUS_IGNORE);
  request_.reset();
}

// What goes on at the same time is not to be mixed: sums beside other work; troubles; the end.
struct Ranks::Worlds {
  MPI_Comm work = copy_of(MPI_COMM_WORLD);
  MPI_Comm beside = copy_of(MPI_COMM_WORLD);
  MPI_Comm trouble = copy_of(MPI_COMM_WORLD);
  MPI_Comm end = copy_of(MPI_COMM_WORLD);
};

Ranks::Ranks() : exceptions_(std::uncaught_exceptions()) {
  int runs = 0, over = 0;
  MPI_Initialized(&runs);
  MPI_Finalized(&over);
  const int started = detail::started_as();
  if (over != 0 || is_running) fail("Ranks", "a program makes one of these, and has had it");
  threads_each_ = available_processors();
  if (runs == 0 && started == 0) return;
  if (runs == 0) {
    int safety = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &safety);
    mine_ = true;
    is_running = true;
    std::atexit([] {
      if (is_running) stop_all("a rank", "the program has ended in the midst of its work");
    });
  }
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  if (started > 1 && size_ == 1) {
    is_running = false;
    fail("Ranks",
         "the program was started as one of {} by another MPI than the one that it was built with; "
         "`update-alternatives --config mpirun` and `--config mpi` choose",
         started);
  }
  worlds_ = std::make_unique<Worlds>();
  MPI_Comm machine = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine);
  MPI_Comm_size(machine, &here_);
  threads_each_ = share_of_processors(machine, here_);
  MPI_Comm_free(&machine);
  if (size_ > 1 && std::getenv("OMP_NUM_THREADS") == nullptr) set_threads(threads_each_);
  char host[MPI_MAX_PROCESSOR_NAME] = "";
  int length = 0;
  MPI_Get_processor_name(host, &length);
  hosts_ = gather_in(worlds_->work, size_, host);
}

Ranks::~Ranks() {
  if (!worlds_) return;
  const bool failed = std::uncaught_exceptions() > exceptions_;
  if (abandoned > 0) {  // MPI could not end, and so the program cannot tell why
    if (!given_up.empty()) tell(name(), given_up);
    all_come(worlds_->end, patience);  // the others tell, too
    is_running = false;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  if (!all_come(worlds_->end, failed ? patience : for_ever)) {
    stop_all(name(), "an error has ended its work");
  }
  is_running = false;
  for (MPI_Comm* const world :
       {&worlds_->work, &worlds_->beside, &worlds_->trouble, &worlds_->end}) {
    MPI_Comm_free(world);
  }
  if (mine_) MPI_Finalize();
}

namespace {

template <class T>
MPI_Datatype type_of() {
  return std::is_same_v<T, float> ? MPI_FLOAT : MPI_DOUBLE;
}

template <class T>
void sum_in(MPI_Comm world, std::span<T> values) {
  in_parts(values, [&](T* data, int count) {
    MPI_Allreduce(MPI_IN_PLACE, data, count, type_of<T>(), MPI_SUM, world);
  });
}

}  // namespace

void Ranks::sum(std::span<float> values) const {
  if (worlds_) sum_in(worlds_->work, values);
}

void Ranks::sum(std::span<double> values) const {
  if (worlds_) sum_in(worlds_->work, values);
}

template <class T>
PendingSum Ranks::start(std::span<T> values) const {
  PendingSum pending;
  if (!worlds_) return pending;
  if (values.size() > most) fail("Ranks::start_sum", "{} numbers are too many", values.size());
  pending.request_ = std::make_unique<PendingSum::Request>();
  MPI_Iallreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), type_of<T>(),
                 MPI_SUM, worlds_->beside, &pending.request_->request);
  return pending;
}

PendingSum Ranks::start_sum(std::span<float> values) const {
  return start(values);
}

PendingSum Ranks::start_sum(std::span<double> values) const {
  return start(values);
}

void Ranks::broadcast(std::span<std::byte> bytes, int from) const {
  if (!worlds_) return;
  in_parts(bytes, [&](std::byte* data, int count) {
    MPI_Bcast(data, count, MPI_BYTE, from, worlds_->work);
  });
}

void Ranks::broadcast(std::string& text, int from) const {
  if (!worlds_) return;
  unsigned long long size = text.size();
  MPI_Bcast(&size, 1, MPI_UNSIGNED_LONG_LONG, from, worlds_->work);
  text.resize(size);
  broadcast(std::as_writable_bytes(std::span(text)), from);
}

std::vector<std::string> Ranks::gather(const std::string& text) const {
  return worlds_ ? gather_in(worlds_->work, size_, text) : std::vector<std::string>{text};
}

void Ranks::barrier() const {
  if (worlds_) MPI_Barrier(worlds_->work);
}

void Ranks::send(int to, const std::string& text) const {
  if (to < 0 || to >= size_ || to == rank_) fail("Ranks::send", "no other rank is {}", to);
  if (text.size() > most) fail("Ranks::send", "{} bytes are too many", text.size());
  MPI_Send(text.data(), static_cast<int>(text.size()), MPI_BYTE, to, 0, worlds_->work);
}

std::pair<int, std::string> Ranks::receive(int from) const {
  if (from != any && (from < 0 || from >= size_ || from == rank_)) {
    fail("Ranks::receive", "no other rank is {}", from);
  }
  if (size_ == 1) fail("Ranks::receive", "there is no other rank");
  MPI_Status status{};
  for (int arrived = 0, times = 0; arrived == 0; ++times) {
    MPI_Iprobe(from == any ? MPI_ANY_SOURCE : from, 0, worlds_->work, &arrived, &status);
    if (arrived == 0 && times > 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  int size = 0;
  MPI_Get_count(&status, MPI_BYTE, &size);
  std::string text(static_cast<std::size_t>(size), '\0');
  MPI_Recv(text.data(), size, MPI_BYTE, status.MPI_SOURCE, 0, worlds_->work, MPI_STATUS_IGNORE);
  return {status.MPI_SOURCE, text};
}

bool Ranks::has_message(int from) const {
  int arrived = 0;
  if (worlds_) {
    MPI_Iprobe(from == any ? MPI_ANY_SOURCE : from, 0, worlds_->work, &arrived, MPI_STATUS_IGNORE);
  }
  return arrived != 0;
}

std::vector<std::string> Ranks::give_up(const std::string& why) const {
  if (!worlds_) return {why};
  given_up = why;
  if (!all_come(worlds_->trouble, patience)) stop_all(name(), why);
  return gather_in(worlds_->trouble, size_, why);
}

#endif

}  // namespace limbeck
