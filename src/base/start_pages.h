// What the start of a process leaves in memory and nothing needs again: the code that the dynamic
// linker and the initialisers of libraries ran through, or that stands beside it.
#pragma once

namespace beyla::base {

// Gives back the pages of all code and constants of the program and its libraries. What is needed
// is mapped again at its next use, from the page cache. No page that the
// program wrote to is touched; what a debugger wrote into the code (breakpoints) is lost.
// System calls: madvise(MADV_DONTNEED). Any thread.
void forget_pages_of_start();

}  // namespace beyla::base
