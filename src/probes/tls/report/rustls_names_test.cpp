#include "probes/tls/report/rustls_names.h"

#include <gtest/gtest.h>

#include <array>

namespace beyla::probes::tls {
namespace {

struct Row {
  std::string_view name;
  std::optional<RustlsFunction> what;
};

// Of rustls 0.21.12, 0.22.4 and 0.23.46, as rustc 1.95 writes them; the last ones in v0.
constexpr std::array kRows = {
    Row{"_ZN111_$LT$rustls..crypto..ring..tls13..Tls13MessageEncrypter$u20$as$u20$rustls..crypto.."
        "cipher..MessageEncrypter$GT$7encrypt17h86187effdecce4a7E",
        RustlsFunction::seal},
    Row{"_ZN114_$LT$rustls..crypto..aws_lc_rs..tls12..GcmMessageDecrypter$u20$as$u20$rustls.."
        "crypto..cipher..MessageDecrypter$GT$7decrypt17h7d2f5c96768c6f45E",
        RustlsFunction::open12},
    Row{"_ZN89_$LT$rustls..tls13..Tls13MessageDecrypter$u20$as$u20$rustls..cipher.."
        "MessageDecrypter$GT$7decrypt17hf0969a99b2d2c9ffE.llvm.1189",
        RustlsFunction::open13},
    Row{"_ZN111_$LT$rustls..crypto..ring..tls13..Tls13MessageEncrypter$u20$as$u20$rustls..crypto.."
        "cipher..MessageEncrypter$GT$21encrypted_payload_len17h86187effdecce4a7E",
        std::nullopt},
    Row{"_ZN108_$LT$rustls..crypto..cipher..InvalidMessageEncrypter$u20$as$u20$rustls..crypto.."
        "cipher..MessageEncrypter$GT$7encrypt17h065e3103c458905bE",
        std::nullopt},
    Row{"_ZN89_$LT$other..Cipher$u20$as$u20$rustls..crypto..cipher..MessageDecrypter$GT$7decrypt17h"
        "f0969a99b2d2c9ffE",
        std::nullopt},
    Row{"_ZN89_$LT$a..tls13..B$u20$as$u20$c..MessageDecrypter$GT$7decrypt17hf0969a99b2d2c9ffE",
        std::nullopt},
    Row{"_RNvXs_NtNtNtCs1_6rustls6crypto4ring5tls13NtB4_21Tls13MessageEncrypterNtNtB8_6cipher16"
        "MessageEncrypter7encrypt",
        RustlsFunction::seal},
    Row{"_RNvXs1_NtNtNtCs1_6rustls6crypto4ring5tls12NtB5_19GcmMessageDecrypterNtNtB9_6cipher16"
        "MessageDecrypter7decrypt",
        RustlsFunction::open12},
    Row{"_RNvXs_NtNtNtCs1_6rustls6crypto4ring5tls13NtB4_21Tls13MessageEncrypterNtNtB8_6cipher16"
        "MessageEncrypter21encrypted_payload_len",
        std::nullopt},
    Row{"SSL_read", std::nullopt},
    Row{"", std::nullopt},
};

TEST(RustlsNames, TellWhatIsProbed) {
  for (const Row& row : kRows) EXPECT_EQ(rustls_function_of(row.name), row.what) << row.name;
}

}  // namespace
}  // namespace beyla::probes::tls
