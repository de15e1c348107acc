/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 * Lets one header compile as BPF C and as C++: fixed-width names and layout assertions.
 * A struct here has fixed-width integers only, explicit zeroed padding, and its size asserted. */
#pragma once

#ifdef __cplusplus
#include <cstddef>
#include <cstdint>
#define ABI_ASSERT(condition) static_assert(condition, #condition)
#else
/* BPF side: the including file has the kernel's fixed-width types. */
typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __s32 int32_t;
typedef __s64 int64_t;
typedef __u64 uint64_t;
#define ABI_ASSERT(condition) _Static_assert(condition, #condition)
#endif
#define ABI_OFFSET(type, field, offset) ABI_ASSERT(__builtin_offsetof(struct type, field) == (offset))
