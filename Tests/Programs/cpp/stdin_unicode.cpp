#include <iostream>
#include <sstream>
#include <string>

int main() {
    std::string line;
    for (long total = 0; std::getline(std::cin, line); std::cout << line << " => " << total << '\n') {
        std::istringstream words(line);
        for (long number; words >> number;) total += number;
    }
    std::cout << "größe 日本 🏜 " << std::string("日本").size() << std::endl;
}
