/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 * Probes in TLS libraries (OpenSSL, BoringSSL, GnuTLS, and rustls, which is not of the C ABI): which
 * stand where, and what the two halves must agree on about the plaintext that they report.
 *
 * Plaintext is a connection of its own: it has an id, a policy slot, stream positions and the records
 * of any connection (event_open, event_data, event_close in events.h). Its open record carries the
 * addresses, the role and the id of the socket's connection below it. */
#pragma once

#include "abi/layout.h"

#ifdef __cplusplus
namespace beyla::abi {
#endif

/* id of a probe_point in a TLS library. Enter: the arguments are in rdi, rsi, rdx, rcx, r8 as the
 * function got them. Exit: rax is the result. */
enum tls_probe {
  kTlsReadEnter = 1,    /* int SSL_read(SSL *, void *buffer, int bytes) */
  kTlsReadExit = 2,
  kTlsReadExEnter = 3,  /* int SSL_read_ex(SSL *, void *buffer, size_t bytes, size_t *read) */
  kTlsReadExExit = 4,
  kTlsWriteEnter = 5,   /* int SSL_write(SSL *, const void *buffer, int bytes) */
  kTlsWriteExit = 6,
  kTlsWriteExEnter = 7, /* int SSL_write_ex(SSL *, const void *buffer, size_t bytes, size_t *written) */
  kTlsWriteExExit = 8,
  kTlsHandshakeEnter = 9, /* int SSL_do_handshake(SSL *); SSL_accept, SSL_connect likewise */
  kTlsHandshakeExit = 10,
  kTlsFreeEnter = 11,     /* void SSL_free(SSL *); gnutls_deinit likewise */
  kTlsRecordRecvEnter = 12, /* ssize_t gnutls_record_recv(session, void *buffer, size_t bytes) */
  kTlsRecordRecvExit = 13,
  kTlsRecordSendEnter = 14, /* ssize_t gnutls_record_send(session, const void *buffer, size_t bytes) */
  kTlsRecordSendExit = 15,
  kTlsShutdownEnter = 16,   /* int SSL_shutdown(SSL *); gnutls_bye likewise: its bytes are no data */
  kTlsShutdownExit = 17,
  /* The function behind SSL_read and SSL_read_ex, which has no name: as SSL_read_ex. Where its calls are
   * seen, those of the two are not looked at. It ends by a return probe. */
  kTlsReadInnerEnter = 18,
  kTlsReadInnerExit = 19,
  kTlsWriteInnerEnter = 20, /* of SSL_write and SSL_write_ex, as SSL_write_ex */
  kTlsWriteInnerExit = 21,
  /* Likewise since OpenSSL 3.2, with flags: (SSL *, const void *buffer, size_t bytes, uint64_t flags,
   * size_t *written) */
  kTlsWriteFlagsEnter = 22,
  kTlsWriteFlagsExit = 23,
  /* rustls: MessageEncrypter::encrypt and MessageDecrypter::decrypt, Rust's calling convention: rdi is
   * where the result goes, rsi the object, rdx the message, rcx the number of the record. In the message
   * the content type stands at that place, in hexadecimal; with TLS 1.3 that of decrypt tells nothing. */
  kSealAt10Enter = 24,
  kSealAt10Exit = 25,
  kSealAt14Enter = 26,
  kSealAt14Exit = 27,
  kSealAt20Enter = 28,
  kSealAt20Exit = 29,
  kSealAt24Enter = 30,
  kSealAt24Exit = 31,
  kOpen13Enter = 32,
  kOpen13Exit = 33,
  kOpen12At10Enter = 34, /* behind a slice */
  kOpen12At10Exit = 35,
  kOpen12At1cEnter = 36, /* behind a Vec */
  kOpen12At1cExit = 37,
  kTlsProbes = 38,
  kTlsFirstSeal = kSealAt10Enter, /* from here on they have a program of their own */
};

/* Added to the id of an exit: a return probe, which stands where the function is entered while the
 * stack pointer is at the return address. Only where no instruction is fit for an exit, and never in
 * processes that switch stacks below the kernel's eyes. */
enum { kTlsByReturn = 64 };

/* The connection_id of plaintext: the top bit; how many TLS objects its socket had before; and the
 * socket's cookie, which the kernel counts up from 1 (net/core/sock_diag.c) and never reaches 2^48. */
enum { kTlsGenerationShift = 48, kTlsGenerationMask = 0x7fff };
#define ABI_TLS_ID_BIT (1ULL << 63)

enum {
  kTlsStreams = 16384, /* sockets under TLS at the same time, with all processes that have probes */
  kTlsObjects = 16384, /* TLS objects that are bound to one, or that had plaintext before they were */
  kSealHalves = 32768, /* encrypters and decrypters of rustls: two a connection, four in its handshake */
  kSealPrints = 8192,  /* records that were received and may tell whose they are */
  kSealHeld = 256,     /* encrypters whose plaintext waits to be sent, that is to say to get its socket */
};

/* The cookie of an attached probe is its tls_probe. One that stands in every process that has mapped the library
 * has the number of the library added, from 1, shifted. */
enum { kTlsLibraryShift = 8, kTlsSharedLibraries = 8 };
/* Hits of those in processes that are none of ours are counted, and of every so many one is told. */
enum { kStrangerBatch = 4096 };

#ifdef __cplusplus
}  // namespace beyla::abi
#endif
