#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cambrian/parallel.hpp"
#include "check.hpp"

using cambrian::parallel_for;

namespace {

void every_index_is_visited_once() {
    for (const int threads : {1, 2, 3, 8, 40}) {
        for (const std::size_t n : {0U, 1U, 6U, 7U, 8U, 1000U}) {
            std::vector<int> visits(n, 0);
            parallel_for(n, 7, {threads, {}}, [&](std::size_t begin, std::size_t end) {
                CHECK(begin % 7 == 0 && end - begin <= 7);
                for (std::size_t i = begin; i < end; ++i) ++visits[i];
            });
            for (const int count : visits) CHECK(count == 1);
        }
    }
}

// Of several failures the one of the lowest block is thrown, whichever thread was first.
void the_lowest_failure_is_thrown() {
    for (int attempt = 0; attempt < 50; ++attempt) {
        std::string message;
        try {
            parallel_for(64, 1, {8, {}}, [](std::size_t begin, std::size_t) {
                if (begin >= 5) throw std::runtime_error(std::to_string(begin));
            });
        } catch (const std::runtime_error& error) {
            message = error.what();
        }
        CHECK(message == "5");
    }
}

void poll_stops_the_work() {
    for (const int threads : {1, 3}) {
        std::atomic<int> blocks = 0;
        const cambrian::Threads stopping{threads, [] { throw std::runtime_error("stop"); }};
        // Blocks slow enough that the poll comes long before they are done, however busy the machine is.
        const auto block = [&](std::size_t, std::size_t) {
            ++blocks;
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        };
        CHECK_THROWS(parallel_for(100'000, 1, stopping, block), std::runtime_error);
        CHECK(blocks < 100'000);
    }
}

}  // namespace

int main() {
    every_index_is_visited_once();
    the_lowest_failure_is_thrown();
    poll_stops_the_work();
    CHECK_THROWS(parallel_for(1, 0, {}, [](std::size_t, std::size_t) {}), std::invalid_argument);
    CHECK_THROWS(parallel_for(1, 1, {0, {}}, [](std::size_t, std::size_t) {}), std::invalid_argument);
    return cambrian::testing::failures();
}
