#include "cambrian/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace cambrian {
namespace {

class Work {
  public:
    Work(std::size_t n, std::size_t block, const std::function<void(std::size_t, std::size_t)>& body)
        : n_(n), block_(block), body_(body) {}

    // Blocks are handed out in order, so every block before a failed one is run, and the lowest failure is
    // found.
    void run(const std::function<void()>& poll) {
        while (!stop_.load(std::memory_order_relaxed)) {
            const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
            const std::size_t blocks = n_ / block_ + (n_ % block_ != 0);
            if (index >= blocks) return;
            try {
                const std::size_t begin = index * block_;
                body_(begin, begin + std::min(block_, n_ - begin));
                if (poll) poll();
            } catch (...) {
                record(index);
                return;
            }
        }
    }

    void rethrow() const {
        if (error_) std::rethrow_exception(error_);
    }

  private:
    void record(std::size_t index) {
        stop_.store(true, std::memory_order_relaxed);
        const std::scoped_lock lock(mutex_);
        if (index < failed_) {
            failed_ = index;
            error_ = std::current_exception();
        }
    }

    const std::size_t n_;
    const std::size_t block_;
    const std::function<void(std::size_t, std::size_t)>& body_;
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> stop_{false};
    std::mutex mutex_;
    std::size_t failed_ = std::numeric_limits<std::size_t>::max();
    std::exception_ptr error_;
};

}  // namespace

void parallel_for(std::size_t n, std::size_t block, const Threads& threads,
                  const std::function<void(std::size_t, std::size_t)>& body) {
    if (block == 0 || threads.count < 1)
        throw std::invalid_argument("parallel_for: block and threads must be positive");
    Work work(n, block, body);
    const std::size_t blocks = n / block + (n % block != 0);
    const std::size_t helpers =
        std::min(static_cast<std::size_t>(threads.count), std::max<std::size_t>(blocks, 1)) - 1;
    std::vector<std::thread> pool;
    pool.reserve(helpers);
    try {
        for (std::size_t i = 0; i < helpers; ++i) pool.emplace_back([&work] { work.run({}); });
    } catch (const std::exception&) {
        // The system gives no more threads, or no memory for one; those that started, and this one, do the
        // work.
    }
    work.run(threads.poll);
    for (std::thread& thread : pool) thread.join();
    work.rethrow();
}

}  // namespace cambrian
