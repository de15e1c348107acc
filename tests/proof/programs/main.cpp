// Says that it runs and waits for the end of its input; the rest is code to look at.
#include <algorithm>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Shape {
  virtual ~Shape() = default;
  [[nodiscard]] virtual int area(int scale) const = 0;
};
struct Square final : Shape {
  int side = 3;
  [[nodiscard]] int area(int scale) const override { return side * side * scale; }
};

// A jump table, tail calls and strings of different sizes.
[[gnu::noinline]] int choose(int number) {
  switch (number & 15) {
    case 0: return std::puts("");
    case 1: return 7;
    case 2: return number * 3;
    case 5: return number / 3;
    case 7: return std::abs(number);
    case 11: throw std::runtime_error("eleven");
    default: return number - 1;
  }
}

[[gnu::noinline]] double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * 0.5;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

}  // namespace

int main(int count, char** arguments) {
  std::map<std::string, int> words;
  for (int index = 0; index < count; ++index) ++words[arguments[index]];
  std::vector<double> values{3, 1, 2};
  std::sort(values.begin(), values.end());
  int sum = Square().area(static_cast<int>(mean(values)));
  try {
    sum += choose(count) + choose(11);
  } catch (const std::exception& error) {
    sum += static_cast<int>(std::string(error.what()).size());
  }
  std::printf("ready %d %zu\n", sum, words.size());
  std::fflush(stdout);
  return std::getchar() == EOF ? 0 : 1;
}
