// Ranks: the processes of one program that MPI starts, on one machine or on many.
//
//   mpirun -n 4 ./program
//
//   int main() {
//     Ranks ranks;                                  // first of all, and one for the program
//     ...
//     train_classifier(model, train, {.ranks = &ranks});
//   }
//
// Each rank runs all of main(). A program that nobody started as several is one rank of one, and
// does nothing of MPI; so is any in a library that was built without (make MPI=0), and there a
// program that was started as several says what it lacks, rather than be several alone.
//
// What the ranks do together, sum() to barrier(), all of them must call, in the same order: a rank
// that waits for one that never comes waits for ever. So a rank that fails tells the others, by
// give_up() or because an exception ends its Ranks, and all stop. A rank that is killed takes the
// others with it, by mpirun's own doing.
//
// To be called by one thread at a time. (MPI: A Message-Passing Interface Standard, version 3.1.)
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace limbeck {

// A sum over all ranks that goes on beside other work. What is summed must stay where it is till
// the end of wait(), and not be read before.
class PendingSum {
 public:
  PendingSum();
  ~PendingSum();  // waits, but where an exception is under way
  PendingSum(PendingSum&& other) noexcept;
  PendingSum& operator=(PendingSum&& other) noexcept;  // likewise, for the one it had

  // Whether the sum is there. MPI works on it where it is called, so call this now and then.
  bool done();
  void wait();

 private:
  friend class Ranks;
  struct Request;
  std::unique_ptr<Request> request_;
};

// The ranks of this program, and which of them this one is.
class Ranks {
 public:
  // Starts MPI, if the program was started as one of several and has not yet done so. The threads
  // of this rank are then as many as it has processors for itself, unless OMP_NUM_THREADS says
  // otherwise; set_threads() (core/parallel.h) changes that.
  // Error: started as one of several by an MPI that this library was not built with.
  Ranks();
  // Ends MPI when all ranks have come here. One that comes by an exception waits two seconds for
  // the others to do the same, and then stops all.
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return rank_; }             // of this process: 0 … size() − 1
  int size() const { return size_; }             // of them all
  bool first() const { return rank_ == 0; }      // the one that writes and prints
  int on_this_machine() const { return here_; }  // of them, with this one
  // Threads for each, if they share the processors of their machine: those that this rank may use,
  // a processor that k ranks may use counted as 1/k, and at least 1.
  int threads_each() const { return threads_each_; }
  // "rank 2 of 4 on node7", for messages.
  std::string name() const;
  // The same of another.
  std::string name_of(int rank) const;

  // values[i] = Σ over ranks of values[i], on every rank with the same bits, and the same again in
  // another run with as many ranks: so Open MPI and MPICH have it for one machine, and the standard
  // only advises it. Whether it held, a training looks at the end of each epoch (Team::align).
  void sum(std::span<float> values) const;
  void sum(std::span<double> values) const;
  // The same beside other work, of all kinds but another order of these calls: sums are to be
  // started in the same order on every rank. Error: more numbers than fit an int.
  [[nodiscard]] PendingSum start_sum(std::span<float> values) const;
  [[nodiscard]] PendingSum start_sum(std::span<double> values) const;

  // What rank `from` has, to all. The text may have another length there; the bytes must be as
  // many.
  void broadcast(std::span<std::byte> bytes, int from = 0) const;
  void broadcast(std::string& text, int from = 0) const;
  // What each rank gives, by rank, to all.
  std::vector<std::string> gather(const std::string& text) const;
  // Waits for all to come here.
  void barrier() const;

  // From one to another; they arrive in the order in which they were sent. receive() gives the
  // sender, too, and sleeps while there is nothing. Error: no such rank.
  static constexpr int any = -1;
  void send(int to, const std::string& text) const;
  std::pair<int, std::string> receive(int from = any) const;
  // Whether a message is there, so that receive() need not wait.
  bool has_message(int from = any) const;

  // For who cannot go on, with the reason. If all ranks say so within two seconds, returns the
  // reasons by rank: the program may then end as it would alone. Else tells the reason on the
  // standard error output, by this rank's name, and stops all of them.
  std::vector<std::string> give_up(const std::string& why) const;

 private:
  template <class T>
  PendingSum start(std::span<T> values) const;

  int rank_ = 0, size_ = 1, here_ = 1, threads_each_ = 1;
  std::vector<std::string> hosts_;  // by rank
  bool mine_ = false;               // MPI was started here
  int exceptions_ = 0;              // under way when this was made
  struct Worlds;                    // the communicators
  std::unique_ptr<Worlds> worlds_;  // none: alone
};

namespace detail {

// By the environment: how many processes the program was started as, by mpirun (Open MPI's or
// MPICH's) or srun with one of their interfaces; 0: by nobody of these.
int started_as();

// Whether the library was built with MPI.
bool has_mpi();

}  // namespace detail
}  // namespace limbeck
