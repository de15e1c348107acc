// Whole conversations for tests that hold for all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace beyla::protocols::session {

enum class Speaker : std::uint8_t { client, server };

struct Turn {
  Speaker speaker;
  std::string text;
};
using Talk = std::vector<Turn>;

constexpr auto kIn = Speaker::client;
constexpr auto kOut = Speaker::server;

inline const std::vector<Talk>& talks() {
  static const std::vector<Talk> kTalks = {
      {{kIn, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"}},
      {{kIn, "POST /b HTTP/1.1\nContent-Length: 5\n\nhello"}, {kOut, "HTTP/1.1 204 No\r\n\r\n"}},
      {{kIn,
        "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\nT: "
        "x\r\n\r\n"},
       {kOut, "HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n3;e\r\nabc\r\n0\r\n\r\n"}},
      {{kIn, "HEAD /d HTTP/1.1\r\n\r\nGET /e HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 304 X\r\n\r\n"}},
      {{kIn, "GET /f HTTP/1.0\r\n\r\n"}, {kOut, "HTTP/1.0 200 OK\r\n\r\nuntil close"}},
      {{kIn, "PUT /g HTTP/1.1\r\nContent-Length: 2\r\n\r\n"},
       {kOut, "HTTP/1.1 100 Continue\r\n\r\n"},
       {kIn, "ok"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}},
      {{kIn, "GET /h HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 101 Up\r\n\r\n\x81\x01x"},
       {kIn, "GET /no HTTP/1.1\r\n\r\n"}},
      {{kIn, "CONNECT i:1 HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\n\r\n"},
       {kIn, "GET /no HTTP/1.1\r\n\r\n"}},
      {{kIn, "GET /j HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 500 X\r\nContent-Length: 90\r\n\r\ndied"}},
      {{kIn, "GET http://h/k?q HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx"},
       {kIn, "\r\nOPTIONS * HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}},
      {{kIn, "GET /l HTTP/1.1\r\n\r\nGET /m HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"}},
      {{kIn, "GET /n HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 204 X\r\n\r\nHTTP/1.1 408 X\r\n\r\n"},
       {kIn, "PROPFIND /o HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 207 X\r\nContent-Length: 2\r\n\r\nab"}},
      {{kIn, "GET /p HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
       {kOut, "HTTP/1.1 400 X\r\n\r\n"}},
      {{kIn, "\x16\x03\x01 GET / HTTP/1.1\r\n\r\n"}, {kOut, "\x16\x03"}},
      {{kIn, "GET /q?a=1&b=2&c HTTP/1.1\r\nCookie: k=v\r\nA:\r\n folded: x\r\n\r\n"},
       {kOut,
        "HTTP/1.1 103 Early\r\nLink: l\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\n"
        "Content-Length: 4\r\n\r\n\r\n\r\n"}},
      {{kIn, "GET /r?a=b\x01 HTTP/1.1\r\n\r\n"}, {kOut, "HTTP/1.1 400 X\r\n\r\n"}},
      {{kIn, "GET /s?a=b c HTTP/1.1\r\n\r\n"}, {kOut, "HTTP/1.1 400 X\r\n\r\n"}},
      {{kIn, "GE(T /t HTTP/1.1\r\n\r\n"}, {kOut, "HTTP/1.1 400 X\r\n\r\n"}},
      {{kIn,
        "POST /u HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"},
       {kIn, "GET /no HTTP/1.1\r\n\r\n"}},
      {{kIn, "GET /v HTTP/1.1\r\n\r\nGET /w HTTP/1.1\r\n\r\n"},
       {kOut,
        "HTTP/1.1 200 X\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\nHTTP/1.1 201 X\r\nContent-Length: 0\r\n\r\n"}},
      {{kIn, "GET http://user:secret@h:80/x?k=v HTTP/1.1\r\nHost: h\r\n\r\n"},
       {kOut, "HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n"},
       {kIn, "CONNECT h:443 HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 502 X\r\nContent-Length: 1\r\n\r\nx"},
       {kIn, "GET /y HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"}},
      {{kIn, "GET /a#b?c HTTP/1.1\r\nHost: u@h\r\n\r\n"},
       {kOut, "HTTP/1.1 204 X\r\n\r\n"},
       {kIn, "GET ?a@b HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 204 X\r\n\r\n"},
       {kIn, "GET ftp://h/i#j HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 204 X\r\n\r\n"},
       {kIn, "CONNECT u:v?w@h:443 HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 502 X\r\nContent-Length: 1\r\n\r\nx"}},
      {{kIn, "get /z HTTP/1.1\r\n\r\n"}, {kOut, "HTTP/1.1 405 X\r\n\r\n"}},
  };
  return kTalks;
}

}  // namespace beyla::protocols::session
