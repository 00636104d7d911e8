// DataLoader: a dataset as a sequence of batches, prepared by threads in the background.
//
//   DataLoader loader(train, {.batch_size = 128, .shuffle = true}, rng);
//   for (Batch& batch : loader) ...          // one epoch; the next loop is the next epoch
#pragma once

#include <memory>
#include <vector>

#include "core/random.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/mixup.h"

namespace limbeck {

// How a dataset becomes batches.
struct DataLoaderOptions {
  Index batch_size = 128;  // images; the last batch of an epoch may have fewer
  bool shuffle = false;    // a new order every epoch
  bool drop_last = false;  // leaves that last batch out: batch norm cannot learn from one image
  Augmentation augment{};  // applied to every image, with new random numbers every epoch
  // Above 0: only so many epochs have random numbers of their own; then they repeat, and each image
  // comes as it came before. What is known about a changed image, a teacher's answer say, can then
  // be kept.
  Index views = 0;
  BatchAugmentation mix{};  // applied to every batch after that; not with views
  // The images to take, each place of the dataset at most once; empty: all. Batch::indices stay
  // those of the whole dataset.
  std::vector<Index> only{};
  // Of every batch this part alone, `part` of `parts`: the images are those of the whole batch,
  // changed as there. Of a batch with fewer images than parts, who would have none gets the first.
  int part = 0, parts = 1;
  // Threads that prepare batches. The batches are the same for any number of them, since each image
  // has random numbers of its own; `augment` and `mix` are called by all of them at once.
  int threads = 1;
};

// Some of a batch's places.
struct BatchPart {
  Index begin;  // the first
  Index end;    // past the last: begin, if there are none
};
// Part number `part` of `parts` of a batch of so many images: nearly equal ones, in order.
BatchPart part_of_batch(Index images, int part, int parts);

namespace detail {
class Prefetcher;
}

// Every image comes once in an epoch; the last batch holds what is left over, or is left out. Order
// and augmentation depend on `rng` and the number of the epoch alone. The dataset must outlive the
// loader.
class DataLoader {
 public:
  // Error: batch_size < 1, threads < 1, views < 0, views of images that are mixed, no batch in an
  // epoch, a part that is none, or what Dataset::check finds wrong with it.
  DataLoader(const Dataset& data, const DataLoaderOptions& options, Rng& rng);
  DataLoader(const Dataset&&, const DataLoaderOptions&, Rng&) = delete;  // would not outlive it
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  Index batches() const;  // in an epoch
  // Of batch number i, from 0, all parts together.
  Index images_in_batch(Index i) const;
  Index images() const;  // of which an epoch is made, if none is left out

  // The place past the last batch.
  struct End {};
  // What a range-based for loop holds: the loader's place in its epoch. All of a loader's iterators
  // are at the same place.
  class Iterator {
   public:
    explicit Iterator(DataLoader* loader) : loader_(loader) {}
    // The batch; the caller may change it or move from it.
    Batch& operator*() const { return loader_->current_; }
    // On to the next batch.
    Iterator& operator++() {
      loader_->advance();
      return *this;
    }
    // Whether the epoch is over.
    bool operator==(End) const { return loader_->finished_; }

   private:
    DataLoader* loader_;
  };

  // Starts the next epoch, or what is left of it after so many batches; one that is under way is
  // given up.
  Iterator begin(Index after = 0);
  // Passes over whole epochs as if they had been, without making their batches.
  void skip_epochs(Index count);
  // What an iterator equals when the epoch is over.
  End end() const { return {}; }

 private:
  void advance();

  const Dataset& data_;
  DataLoaderOptions options_;
  Rng rng_;
  const Rng views_rng_;
  Index epoch_ = 0;  // epochs begun
  std::unique_ptr<detail::Prefetcher> prefetcher_;
  Batch current_;
  bool finished_ = true;
};

}  // namespace limbeck
