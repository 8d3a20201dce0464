#include <string>

int main() {
    std::string sand = 5 * "grain";
    return 0
}
