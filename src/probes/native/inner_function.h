// The function without a name behind SSL_read_ex() and its like, in an x86-64 ELF file, and where
// one breakpoint sees its calls begin and lets a return probe see them end. In: an untrusted file.
// Pure function; src/probes/proof proves what it says.
#pragma once

#include <expected>
#include <span>

#include "probes/elf/elf_file.h"
#include "probes/elf/functions.h"
#include "probes/native/function_sites.h"

namespace beyla::probes::native {

struct InnerFunction {
  // Its entry is emulated and stands while the stack pointer is at the return address: the first
  // instruction, or the one behind `endbr64`. `bytes`: up to the end of that instruction.
  FunctionSites sites;
  unsigned last_argument = 0;  // as in InnerCall
};

// `last_argument`: of `outer`, as for find_inner_call(). Each of `others` must call the same one,
// so that whoever sees its calls need not look at theirs.
[[nodiscard]] std::expected<InnerFunction, SiteRefusal> find_inner_function(
    const elf::ElfFile& elf, const FunctionStarts& starts, const elf::FunctionSymbol& outer,
    unsigned last_argument, std::span<const elf::FunctionSymbol> others);

}  // namespace beyla::probes::native
