#include "probes/go/image/synthetic/image_plan.h"

namespace beyla::probes::go {

ImagePlan plan_of_everything(unsigned minor) {
  ImagePlan plan;
  plan.minor = minor;
  plan.version = "go1." + std::to_string(minor) + ".3";
  plan.functions = {{"runtime.goexit1", 16},
                    {"net/http.serverHandler.ServeHTTP", 224},
                    {"a/vendor/golang.org/x/net/http2.(*serverConn).runHandler", 48},
                    {"runtime.goexit1", 192},
                    {"main.main", 32}};
  plan.structs = {
      {"net/http",
       "http.Request",
       256,
       {{"Method", Kind::string, 0}, {"URL", Kind::pointer, 16, 1}, {"ctx", Kind::interface, 240}}},
      {"net/url", "url.URL", 120, {{"Scheme", Kind::string, 0}, {"Path", Kind::string, 56}}},
      {"a/vendor/net", "net.conn", 8, {{"fd", Kind::pointer, 0, 5}}},
      {"net", "net.conn", 8, {{"fd", Kind::pointer, 0, 5}}},
      {"net", "net.TCPConn", 16, {{"pad", Kind::int_, 0}, {"conn", Kind::structure, 8, 3}}},
      // Go has no type that contains itself by value: a hostile file may.
      {"net", "net.netFD", 176, {{"self", Kind::structure, 0, 5}, {"id", Kind::uint32, 16}}},
      {"k8s.io/api/core/v1", "v1.Pod", 8, {{"uid", Kind::int_, 0}}},
      {"github.com/labstack/echo/v4", "echo.Echo", 8, {{"router", Kind::pointer, 0, 0}}},
  };
  return plan;
}

}  // namespace beyla::probes::go
