#include <cstdio>
#include <stdexcept>

int main() {
    std::printf("printed before the abort\n");
    throw std::runtime_error("too much sand");
}
