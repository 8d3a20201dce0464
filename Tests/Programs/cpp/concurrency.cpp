#include <atomic>
#include <future>
#include <iostream>
#include <numeric>
#include <thread>
#include <vector>

int main() {
    std::atomic<long> total{0};
    std::vector<std::thread> threads;
    for (int id = 0; id < 4; id++) threads.emplace_back([id, &total] { for (long n = id; n < 10000; n += 4) total += n; });
    for (auto &thread : threads) thread.join();
    auto later = std::async(std::launch::async, [] { std::vector<int> v(100, 2); return std::accumulate(v.begin(), v.end(), 0); });
    std::cout << total << ' ' << later.get() << '\n';
}
