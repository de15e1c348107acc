/* SPDX-License-Identifier: GPL-2.0
 * Numbers of rustls' messages. They are Rust's own, without a layout that anyone has promised: what is read
 * of them is held against what the record's length and its bytes say. */
#pragma once

#include "probes/tls/rustls.bpf.h"

/* Content types: as rustls' enum counts them (0.21 to 0.23, enums.rs), and as they are sent (RFC 8446
 * 5.1). */
enum { kEnumApplicationData = 3, kTypeFirst = 20, kTypeHandshake = 22, kTypeApplicationData = 23 };
enum { kKeyUpdate = 24 /* RFC 8446 4.6.3 */ };
/* What sealing adds: tag and type of TLS 1.3 (RFC 8446 5.2); explicit nonce and tag (RFC 5288 3); tag
 * (RFC 7905 2). */
enum { kSeal13 = 17, kSealGcm = 24, kSealChaCha = 16, kNonce = 8 };
enum { kSealedHeader = 5 /* rustls 0.23 leaves room for it before the record */ };
enum { kMostPlaintext = 16384, kMostSealed = 16384 + 2048, kChunks = 16 };
