/* SPDX-License-Identifier: GPL-2.0
 * gRPC's status codes (google.golang.org/grpc/codes) in the objects that carry them. */
#pragma once

#include "probes/go/go_read.bpf.h"

enum { kGrpcOk = 0, kGrpcUnknown = 2, kGrpcLastCode = 16 };

static __always_inline __u32 read_code(const struct go_image *image, __u64 message) {
  __u32 code = 0;
  __u64 address = field_at(image, message, kGoStatusCode);
  if (!address || bpf_probe_read_user(&code, sizeof(code), (void *)address)) return kGrpcUnknown;
  return code;
}

/* A *internal/status.Status: none, or one without a message, is OK. */
static __always_inline __u32 code_of_status(const struct go_image *image, __u64 status) {
  __u64 message = read_field(image, status, kGoStatusS);
  return message ? read_code(image, message) : kGrpcOk;
}

/* io.EOF: an *errors.errorString of that text. */
static __always_inline bool is_end_of_file(__u64 error) {
  struct go_string text = {};
  char letters[3] = {};
  if (bpf_probe_read_user(&text, sizeof(text), (void *)error)) return false;
  if (text.length != sizeof(letters)) return false;
  if (bpf_probe_read_user(letters, sizeof(letters), (void *)text.data)) return false;
  return letters[0] == 'E' && letters[1] == 'O' && letters[2] == 'F';
}

/* The code in an error of gRPC's status package, whose layout has changed twice; of another type:
 * anything. 0: there is none. */
static __always_inline __u32 raw_error_code(const struct go_image *image, __u64 error) {
  if (image->offset[kGoStatusErrorS] != kGoAbsentField) {
    __u64 status = read_field(image, error, kGoStatusErrorS);
    __u64 message = read_field(image, status, kGoStatusS);
    return message ? read_code(image, message) : 0;
  }
  if (image->offset[kGoStatusErrorProto] != kGoAbsentField) {
    __u64 message = read_field(image, error, kGoStatusErrorProto);
    return message ? read_code(image, message) : 0;
  }
  return read_number(field_at(image, error, kGoStatusErrorCode));
}

/* An error: its type word and data. One that is not of the status package (told by what it leads to)
 * is what gRPC itself makes of it: unknown. */
static __always_inline __u32 code_of_error(const struct go_image *image, __u64 type, __u64 error) {
  if (!type || is_end_of_file(error)) return kGrpcOk;
  __u32 code = raw_error_code(image, error);
  return code && code <= kGrpcLastCode ? code : kGrpcUnknown;
}
