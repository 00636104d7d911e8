#include "data/data_loader.h"

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <system_error>
#include <thread>

#include "core/error.h"

namespace limbeck {
namespace detail {

// Makes the batches of one epoch ahead of their use, a few at most, on threads of its own. These
// run plain loops only: OpenMP would give each a second pool.
class Prefetcher {
 public:
  Prefetcher(const Dataset& data, const DataLoaderOptions& options, std::vector<Index> order,
             const Rng& rng, Index view, Index after)
      : data_(data),
        options_(options),
        order_(std::move(order)),
        rng_(rng),
        view_(view),
        batch_size_(static_cast<std::size_t>(options.batch_size)),
        end_((order_.size() + batch_size_ - 1) / batch_size_),
        claimed_(static_cast<std::size_t>(after)),
        taken_(claimed_) {
    // (No more than there are batches to make.)
    const std::size_t count = std::min<std::size_t>(static_cast<std::size_t>(options.threads),
                                                    std::max<std::size_t>(end_ - claimed_, 1));
    threads_.reserve(count);
    while (threads_.size() < count) {
      try {
        threads_.emplace_back([this] { run(); });
      } catch (const std::system_error&) {  // the system has no more; those that there are will do
        if (threads_.empty()) throw;
        break;
      }
    }
  }

  ~Prefetcher() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  // The next batch, or none after the last. Throws what its thread threw.
  std::optional<Batch> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_.contains(taken_) || taken_ >= end_; });
    if (taken_ >= end_) {
      if (error_) std::rethrow_exception(error_);
      return std::nullopt;
    }
    std::optional<Batch> batch = std::move(ready_.extract(taken_++).mapped());
    lock.unlock();
    changed_.notify_all();
    return batch;
  }

 private:
  static constexpr std::size_t ahead = 3;  // beside those that the threads are making

  void run() {
    for (std::optional<std::size_t> turn = claim(); turn; turn = claim()) {
      try {
        const std::size_t at = *turn * batch_size_;
        Batch batch = make(at, std::min(batch_size_, order_.size() - at));
        const std::lock_guard lock(mutex_);
        ready_.emplace(*turn, std::move(batch));
      } catch (...) {  // the epoch ends there; of several, at the first
        const std::lock_guard lock(mutex_);
        if (*turn < end_) {
          end_ = *turn;
          error_ = std::current_exception();
        }
      }
      changed_.notify_all();
    }
  }

  // The batch to make next, once there is room for it; none if there is no more, or nobody wants
  // it.
  std::optional<std::size_t> claim() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
      return stop_ || claimed_ >= end_ || claimed_ < taken_ + ahead + threads();
    });
    if (stop_ || claimed_ >= end_) return std::nullopt;
    return claimed_++;
  }

  std::size_t threads() const { return static_cast<std::size_t>(options_.threads); }

  // The part of a batch that is wanted. What mixes images has to see all of them.
  Batch make(std::size_t at, std::size_t count) const {
    BatchPart part = part_of_batch(static_cast<Index>(count), options_.part, options_.parts);
    if (part.begin == part.end) part = {0, 1};
    const auto begin = static_cast<std::size_t>(part.begin);
    if (!options_.mix) return changed(at + begin, static_cast<std::size_t>(part.end) - begin);
    Batch batch = changed(at, count);
    // With a generator that is none of the images'.
    Rng batch_rng = rng_.child(static_cast<std::uint64_t>(data_.size()) + at);
    options_.mix(batch, batch_rng);
    return options_.parts == 1 ? std::move(batch) : rows_of(batch, part);
  }

  static Batch rows_of(const Batch& batch, const BatchPart& part) {
    const auto slice = [&](const auto& list) {
      return std::vector(list.begin() + part.begin, list.begin() + part.end);
    };
    const Shape one = batch.images.shape().without_front();
    return {
        .images = batch.images.view(one.with_front(part.end - part.begin), part.begin * one.size())
                      .clone(),
        .class_ids = slice(batch.class_ids),
        .indices = slice(batch.indices),
        .view = batch.view};
  }

  Batch changed(std::size_t at, std::size_t count) const {
    Batch batch = make_batch(data_, std::span(order_).subspan(at, count));
    batch.view = view_;
    if (options_.augment) {
      const auto one = static_cast<std::size_t>(data_.image.size());
      for (std::size_t i = 0; i < count; ++i) {
        // By place in the epoch, whoever prepares the batch; in a view, by place in the dataset.
        Rng image_rng =
            rng_.child(options_.views > 0 ? static_cast<std::uint64_t>(batch.indices[i]) : at + i);
        options_.augment(batch.images.values().subspan(i * one, one), data_.image, image_rng);
      }
    }
    return batch;
  }

  const Dataset& data_;
  const DataLoaderOptions& options_;
  const std::vector<Index> order_;
  const Rng rng_;
  const Index view_;
  const std::size_t batch_size_;
  std::mutex mutex_;  // of all that follows
  std::condition_variable changed_;
  std::map<std::size_t, Batch> ready_;  // by their number in the epoch
  std::size_t end_;                     // the number of the first that will not be
  std::size_t claimed_, taken_;         // the next to be made, and to be handed out
  std::exception_ptr error_;
  bool stop_ = false;
  std::vector<std::thread> threads_;  // last: they start when all else is there
};

}  // namespace detail

DataLoader::DataLoader(const Dataset& data, const DataLoaderOptions& options, Rng& rng)
    : data_(data), options_(options), rng_(rng.fork()), views_rng_(rng_) {
  if (options.batch_size < 1) {
    fail("DataLoader", "batch_size must be at least 1; got {}", options.batch_size);
  }
  if (options.threads < 1) {
    fail("DataLoader", "threads must be at least 1; got {}", options.threads);
  }
  if (options.views < 0) fail("DataLoader", "views must be at least 0; got {}", options.views);
  if (options.views > 0 && options.mix) {
    fail("DataLoader", "images that are mixed with others do not come again: views must be 0");
  }
  if (options.parts < 1 || options.part < 0 || options.part >= options.parts) {
    fail("DataLoader", "there is no part {} of {}", options.part, options.parts);
  }
  if (data.size() == 0) fail("DataLoader", "the dataset is empty");
  if (batches() == 0) {
    fail("DataLoader", "{} images make no batch of {}, and drop_last leaves out smaller ones",
         images(), options.batch_size);
  }
  for (const Index i : options.only) {
    if (i < 0 || i >= data.size()) fail("DataLoader", "image {} asked of {}", i, data.size());
  }
  data.check("DataLoader");
}

DataLoader::~DataLoader() = default;

Index DataLoader::images() const {
  return options_.only.empty() ? data_.size() : static_cast<Index>(options_.only.size());
}

Index DataLoader::batches() const {
  const Index full = images() / options_.batch_size;
  return options_.drop_last || full * options_.batch_size == images() ? full : full + 1;
}

Index DataLoader::images_in_batch(Index i) const {
  return std::min(options_.batch_size, images() - i * options_.batch_size);
}

BatchPart part_of_batch(Index images, int part, int parts) {
  return {images * part / parts, images * (part + 1) / parts};
}

DataLoader::Iterator DataLoader::begin(Index after) {
  prefetcher_.reset();
  Rng epoch_rng = rng_.fork();
  std::vector<Index> order(static_cast<std::size_t>(images()));
  std::iota(order.begin(), order.end(), Index{0});
  if (options_.shuffle) order = epoch_rng.permutation(images());
  if (!options_.only.empty()) {
    for (Index& place : order) place = options_.only[static_cast<std::size_t>(place)];
  }
  if (options_.drop_last) {
    order.resize(static_cast<std::size_t>(batches() * options_.batch_size));
  }
  const bool repeating = options_.augment && options_.views > 0;
  const Index view = repeating ? epoch_ % options_.views : 0;
  ++epoch_;
  const Rng changes = repeating ? views_rng_.child(static_cast<std::uint64_t>(view)) : epoch_rng;
  prefetcher_ =
      std::make_unique<detail::Prefetcher>(data_, options_, std::move(order), changes, view, after);
  finished_ = false;
  advance();
  return Iterator(this);
}

void DataLoader::skip_epochs(Index count) {
  for (Index i = 0; i < count; ++i) static_cast<void>(rng_.fork());
  epoch_ += count;
}

void DataLoader::advance() {
  std::optional<Batch> batch = prefetcher_->next();
  finished_ = !batch.has_value();
  current_ = finished_ ? Batch{} : std::move(*batch);
}

}  // namespace limbeck
