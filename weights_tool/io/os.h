// The seam to the operating system: terminal, clocks, processors, memory, signals, environment. Files are in file.h.
#pragma once
#include <cstdint>
#include <string>

namespace mote::tool {

enum class Stream { out, err };

bool is_terminal(Stream stream);
int terminal_width(Stream stream);  // columns; 80 when it is no terminal or does not say
// True when escape sequences for colour are welcome: a terminal, TERM is not "dumb", NO_COLOR is unset or empty.
bool wants_colour(Stream stream);

double monotonic_seconds();     // from an arbitrary start, never goes back
int64_t wall_clock_seconds();   // since 1970-01-01 UTC
std::string wall_clock_text();  // "2031-05-04T13:02:59Z"
// A calendar text of any moment; the clock-free part of wall_clock_text().
std::string utc_text(int64_t seconds_since_1970);

int cpu_count();            // processors this process may use, at least 1
uint64_t peak_rss_bytes();  // largest resident set so far; 0 when unknown

// "" when unset.
std::string environment(const char* name);

// After install: the first SIGINT or SIGTERM only sets a flag that long work polls with interrupted(); the second one
// kills the process as if nothing had been installed. Polling is cheap (one relaxed load) and safe from any thread.
void install_interrupt_handlers();
bool interrupted();
void clear_interrupted();  // for tests, and for a caller that has dealt with it

}  // namespace mote::tool
