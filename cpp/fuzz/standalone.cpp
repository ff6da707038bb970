// Runs a fuzz target where the compiler brings no fuzzer: every file it is given, then a fixed number of
// changed ones, from which those that the target accepted are changed again. libFuzzer learns more, from
// coverage.
//
// fuzz_layout [-runs=N] [-seed=S] FILE-OR-FOLDER...
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" bool fuzz_accepted();
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMost = std::size_t{1} << 16;
constexpr std::size_t kMostKept = 4096;
std::minstd_rand bytes_random;

Bytes read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<Bytes> read_all(const std::vector<std::filesystem::path>& paths) {
    std::vector<std::filesystem::path> files;
    for (const auto& path : paths) {
        if (!std::filesystem::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());  // folders list their files in any order
    std::vector<Bytes> contents;
    for (const auto& file : files) contents.push_back(read(file));
    return contents;
}

// Kept where it can be found, should the target end the program.
void remember(const Bytes& bytes) {
    std::ofstream("last-input", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void fuzz(std::vector<Bytes> kept, long runs, unsigned seed) {
    for (const Bytes& bytes : kept) LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    const std::size_t seeds = kept.size();
    std::minstd_rand random(seed);
    bytes_random.seed(seed);
    long accepted = 0;
    for (long run = 0; run < runs; ++run) {
        Bytes bytes = kept[random() % kept.size()];
        std::size_t size = bytes.size();
        bytes.resize(kMost);
        size = LLVMFuzzerCustomMutator(bytes.data(), size, kMost, static_cast<unsigned>(random()));
        bytes.resize(size);
        remember(bytes);
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
        if (!fuzz_accepted()) continue;
        ++accepted;
        if (kept.size() < seeds + kMostKept) {
            kept.push_back(std::move(bytes));
        } else {
            kept[seeds + random() % kMostKept] = std::move(bytes);
        }
    }
    std::filesystem::remove("last-input");
    std::printf("%zu seeds and %ld changed inputs, %ld of them accepted: all well\n", seeds, runs, accepted);
}

}  // namespace

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most) {
    if (size == 0) return size;
    if (bytes_random() % 4 == 0) return bytes_random() % (size + 1);
    if (bytes_random() % 4 == 0 && size < most) data[size++] = 0;
    data[bytes_random() % size] = static_cast<std::uint8_t>(bytes_random());
    return size;
}

int main(int count, char** arguments) {
    long runs = 10'000;
    unsigned seed = 1;
    std::vector<std::filesystem::path> paths;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument.starts_with("-runs=")) {
            runs = std::stol(argument.substr(6));
        } else if (argument.starts_with("-seed=")) {
            seed = static_cast<unsigned>(std::stoul(argument.substr(6)));
        } else if (argument.starts_with("-")) {
            std::fprintf(stderr, "unknown option %s\n", arguments[i]);
            return 2;
        } else {
            paths.emplace_back(argument);
        }
    }
    std::vector<Bytes> seeds = read_all(paths);
    if (seeds.empty()) {
        std::fputs("no inputs: give files or a folder of them\n", stderr);
        return 2;
    }
    fuzz(std::move(seeds), runs, seed);
    return 0;
}
