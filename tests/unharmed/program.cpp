// A program that a wrong probe would disturb: exceptions, longjmp, signals, deep recursion,
// threads, fork, results and arguments of many kinds. Begins when a line comes in, prints what it
// computed, how often known functions were called ("calls NAME COUNT"), and ends with a code made
// of that once its standard input ends. ROUNDS in the arguments.
#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

// Where the compiler may neither merge, inline nor specialise it: each call is one.
#ifdef __clang__
#define KEPT __attribute__((noinline, used))
#else
#define KEPT __attribute__((noipa, used))
#endif

namespace {

volatile std::uint64_t seed = 88172645463325252ULL;  // known to the program only when it runs

std::uint64_t mix(std::uint64_t sum, std::uint64_t value) {
  sum ^= value + 0x9e3779b97f4a7c15ULL + (sum << 6) + (sum >> 2);
  return sum * 0x2545f4914f6cdd1dULL;
}

}  // namespace

extern "C" {

KEPT std::uint64_t known_fibonacci(unsigned n) {
  if (n < 2) return n;
  const std::uint64_t sum = known_fibonacci(n - 1) + known_fibonacci(n - 2);
  return sum ^ (seed & 0);  // or the second call becomes a loop
}

KEPT int known_leaf(int a, int b, int c, int d) {
  if (a > b) return c - d;
  return c + d + static_cast<int>(seed & 0);
}

KEPT std::uint64_t known_deep(unsigned depth, std::uint64_t sum) {
  volatile char frame[96];
  frame[depth % sizeof(frame)] = static_cast<char>(depth);
  if (depth == 0) return sum;
  return known_deep(depth - 1, mix(sum, depth)) + static_cast<unsigned char>(frame[depth % 96]);
}

KEPT void known_thrower(int depth) {
  std::string held(40, static_cast<char>('a' + depth % 26));  // to be destroyed on the way
  if (depth == 0) throw std::runtime_error(held);
  known_thrower(depth - 1);
  if (held.size() != 40) std::abort();
}

std::jmp_buf landing;

KEPT int known_jumper(int depth) {
  volatile int kept = depth;
  if (depth == 0) std::longjmp(landing, 7);
  return known_jumper(depth - 1) + kept;
}

KEPT double known_doubles(double a, double b, float c, long double d) {
  return a < b ? a * b + static_cast<double>(c) : static_cast<double>(d) - a;
}

KEPT unsigned __int128 known_wide(std::uint64_t a, std::uint64_t b) {
  if (a == 0) return b;
  return static_cast<unsigned __int128>(a) * b + a;
}

struct Large {
  std::uint64_t words[9];
};
KEPT Large known_large(Large given, std::uint64_t by) {
  for (std::uint64_t& word : given.words) {
    if (word != by) word = mix(word, by);
  }
  return given;
}

KEPT std::uint64_t known_variadic(int count, ...) {
  std::va_list list;
  va_start(list, count);
  std::uint64_t sum = 0;
  for (int index = 0; index < count; ++index) sum = mix(sum, va_arg(list, std::uint64_t));
  va_end(list);
  return sum;
}

KEPT int known_switch(int which, int value) {
  switch (which) {
    case 0: return value * 3;
    case 1: return value ^ 0x55;
    case 2: return value - 9;
    case 3: return value << 2;
    case 4: return ~value;
    case 5: return known_leaf(value, which, value, which);
    case 6: return value / 7;
    default: return value + which;
  }
}

std::sig_atomic_t volatile signals_seen = 0;

KEPT void known_on_signal(int number) {
  if (number == SIGUSR1) signals_seen = signals_seen + 1;
}

}  // extern "C"

namespace {

struct Shape {
  virtual ~Shape() = default;
  KEPT virtual std::uint64_t area(std::uint64_t scale) const = 0;
};
struct Square final : Shape {
  KEPT std::uint64_t area(std::uint64_t scale) const override { return scale < 3 ? 1 : scale * 4; }
};
struct Circle final : Shape {
  KEPT std::uint64_t area(std::uint64_t scale) const override { return scale > 5 ? scale * 3 : 9; }
};

// A hundred functions that differ.
template <int N>
KEPT std::uint64_t step(std::uint64_t value, std::uint64_t other) {
  if (value % (N + 2) == 0) return mix(value, N);
  if constexpr (N % 3 == 0) {
    return known_leaf(static_cast<int>(value & 0xffff), N, static_cast<int>(other & 0xff), N) +
           value;
  } else if constexpr (N % 3 == 1) {
    std::uint64_t kept[4] = {value, other, value ^ other, N};
    for (std::uint64_t& one : kept) one = mix(one, value % (N + 1));
    return kept[value % 4] + kept[other % 4];
  } else {
    return value > other ? value - other * N : mix(other, value);
  }
}
template <int... N>
std::uint64_t all_steps(std::uint64_t value, std::integer_sequence<int, N...>) {
  ((value = mix(value, step<N>(value, value >> 7))), ...);
  return value;
}

std::uint64_t throw_and_catch(int depth) {
  try {
    known_thrower(depth);
  } catch (const std::runtime_error& error) {
    return static_cast<std::uint64_t>(error.what()[0]) + error.what()[39];
  }
  return 0;
}

int jump(int depth) {
  const int landed = setjmp(landing);
  return landed != 0 ? landed : known_jumper(depth);
}

std::uint64_t work(std::uint64_t sum, unsigned round) {
  sum = mix(sum, known_fibonacci(10));
  sum = mix(sum, known_deep(200, round));
  sum = mix(sum, throw_and_catch(12));
  sum = all_steps(sum, std::make_integer_sequence<int, 120>());
  const double doubles = known_doubles(round, 3.5, 1.25F, 2.5L);
  sum = mix(sum, static_cast<std::uint64_t>(doubles * 16));
  const auto wide = known_wide(sum, round);
  sum = mix(sum, static_cast<std::uint64_t>(wide >> 64) ^ static_cast<std::uint64_t>(wide));
  Large large{};
  large.words[round % 9] = sum;
  sum = mix(sum, known_large(large, round).words[3]);
  sum = mix(sum, known_variadic(9, sum, 2ULL, 3ULL, 4ULL, 5ULL, 6ULL, 7ULL, 8ULL, 9ULL));
  for (int which = 0; which < 8; ++which)
    sum = mix(sum, static_cast<unsigned>(known_switch(which, 77)));
  const Square square;
  const Circle circle;
  const Shape* const shapes[] = {&square, &circle};
  sum = mix(sum, shapes[sum % 2]->area(round) + shapes[round % 2]->area(sum % 9));
  return sum;
}

std::uint64_t in_threads(unsigned rounds) {
  std::vector<std::uint64_t> sums(4);
  std::vector<std::thread> threads;
  for (std::size_t index = 0; index < sums.size(); ++index) {
    threads.emplace_back([&sums, index, rounds] {
      for (unsigned round = 0; round < rounds; ++round)
        sums[index] = work(sums[index] + index, round);
    });
  }
  std::uint64_t sum = 0;
  for (std::size_t index = 0; index < threads.size(); ++index) {
    threads[index].join();
    sum = mix(sum, sums[index]);
  }
  return sum;
}

// A child's calls are its own: the probes are the parent's.
int in_child() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(static_cast<int>(work(5, 3) % 100));
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

}  // namespace

int main(int count, char** arguments) {
  const unsigned rounds = count > 1 ? static_cast<unsigned>(std::atoi(arguments[1])) : 10;
  std::signal(SIGUSR1, known_on_signal);
  std::uint64_t sum = 1;
  unsigned batches = 0;
  int jumps = 0;
  char line[16];
  while (std::fgets(line, sizeof(line), stdin) != nullptr) {
    for (unsigned round = 0; round < rounds; ++round) {
      sum = work(sum, round);
      std::raise(SIGUSR1);
      jumps += jump(9);
      if (round % 64 == 0) sum = mix(sum, static_cast<unsigned>(in_child()));
    }
    sum = mix(sum, in_threads(rounds / 4));
    sum = mix(sum, known_deep(20000, 1));
    std::printf("batch %u sum %016llx signals %d jumps %d\n", ++batches,
                static_cast<unsigned long long>(sum), static_cast<int>(signals_seen), jumps);
    std::fflush(stdout);
  }
  const unsigned long works = batches * (rounds + 4UL * (rounds / 4));
  const auto tell = [](const char* name, unsigned long calls) {
    std::printf("calls %s %lu\n", name, calls);
  };
  tell("known_fibonacci", works * 177);
  tell("known_deep", works * 201 + batches * 20001UL);
  tell("known_thrower", works * 13);
  tell("known_jumper", batches * rounds * 10UL);
  tell("known_switch", works * 8);
  for (const char* name : {"known_doubles", "known_wide", "known_large", "known_variadic"}) {
    tell(name, works);
  }
  tell("known_on_signal", batches * rounds);
  return 30 + static_cast<int>(sum % 60);
}
