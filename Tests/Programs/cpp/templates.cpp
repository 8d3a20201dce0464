#include <algorithm>
#include <concepts>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

template <typename T>
concept Number = std::integral<T> || std::floating_point<T>;

template <Number... T>
auto sum(T... values) { return (values + ... + 0); }

struct Node {
    int value;
    std::unique_ptr<Node> next;
};

int main() {
    std::cout << sum(1, 2, 3) << ' ' << sum(1.5, 2) << '\n';
    std::unique_ptr<Node> list;
    for (int i = 0; i < 4; i++) list = std::make_unique<Node>(Node{i * i, std::move(list)});
    for (auto *node = list.get(); node; node = node->next.get()) std::cout << node->value << (node->next ? "->" : "\n");
    std::map<std::string, std::vector<int>> groups;
    for (int n : {5, 3, 8, 1}) groups[n % 2 ? "odd" : "even"].push_back(n);
    for (auto &[name, values] : groups) {
        std::sort(values.begin(), values.end(), std::greater<>());
        std::cout << name << ':';
        for (int value : values) std::cout << ' ' << value;
        std::cout << '\n';
    }
}
