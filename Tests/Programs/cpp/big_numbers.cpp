#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>

std::string decimal(unsigned __int128 value) {
    std::string digits;
    do digits += static_cast<char>('0' + static_cast<int>(value % 10));
    while (value /= 10);
    std::reverse(digits.begin(), digits.end());
    return digits;
}

int main() {
    unsigned __int128 product = 1;
    for (int n = 2; n <= 34; n++) product *= n;
    std::cout << decimal(product) << ' ' << UINT64_MAX << ' ' << -7 / 2 << ' ' << -7 % 3 << '\n';
    std::cout.precision(17);
    std::cout << 0.1 + 0.2 << '\n';
}
