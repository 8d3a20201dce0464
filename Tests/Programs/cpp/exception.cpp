#include <iostream>
#include <stdexcept>
#include <vector>

struct Guard {
    ~Guard() { std::cout << "released" << std::endl; }
};

int main() {
    try {
        Guard guard;
        std::vector<int>(3).at(7);
    } catch (const std::out_of_range &) {
        std::cerr << "out of range\n";
        return 3;
    }
}
