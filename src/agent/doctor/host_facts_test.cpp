#include "agent/doctor/host_facts.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/doctor/bpf_facts.h"
#include "agent/doctor/capabilities.h"

namespace beyla::agent::doctor {
namespace {

class HostFacts : public testing::Test {
 protected:
  HostFacts()
      : root_(std::filesystem::temp_directory_path() / ("host" + std::to_string(getpid()))),
        roots_{(root_ / "proc").string(), (root_ / "sys").string(), (root_ / "boot").string()} {
    std::filesystem::create_directories(root_ / "proc/self/ns");
  }
  ~HostFacts() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void link(const std::string& path, const std::string& target) {
    std::filesystem::create_symlink(target, root_ / path);
  }

  std::filesystem::path root_;
  HostRoots roots_;
};

TEST_F(HostFacts, WhatIsNotThereIsUnknown) {
  const auto kernel = read_kernel(roots_);
  EXPECT_EQ(kernel.lockdown, Lockdown::unknown);
  EXPECT_EQ(kernel.built_with_btf, Answer::unknown);
  EXPECT_FALSE(kernel.unprivileged_bpf_disabled);
  EXPECT_FALSE(kernel.perf_event_paranoid);
  EXPECT_FALSE(kernel.kprobe_source);
  const auto privileges = read_privileges(roots_);
  EXPECT_EQ(privileges.effective_capabilities, 0U);
  EXPECT_FALSE(privileges.no_new_privs);
  EXPECT_EQ(privileges.first_unprivileged_port, 1024U);
  EXPECT_EQ(privileges.in_initial_pid_namespace, Answer::unknown);
  EXPECT_EQ(privileges.in_initial_user_namespace, Answer::unknown);
}

TEST_F(HostFacts, ReadsTheKernel) {
  write("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  write("sys/bus/event_source/devices/uprobe/type", "9\n");
  write("proc/sys/kernel/unprivileged_bpf_disabled", "2\n");
  write("proc/sys/kernel/perf_event_paranoid", "-1\n");
  const auto release = read_kernel(roots_).release;
  write("boot/config-" + release, "CONFIG_A=y\nCONFIG_DEBUG_INFO_BTF=y\n");
  const auto kernel = read_kernel(roots_);
  EXPECT_EQ(kernel.lockdown, Lockdown::integrity);
  EXPECT_TRUE(kernel.uprobe_source);
  EXPECT_FALSE(kernel.kprobe_source);
  EXPECT_EQ(kernel.unprivileged_bpf_disabled, 2);
  EXPECT_EQ(kernel.perf_event_paranoid, -1);
  EXPECT_EQ(kernel.built_with_btf, Answer::yes);
  write("boot/config-" + release, "CONFIG_A=y\n# CONFIG_DEBUG_INFO_BTF is not set\n");
  EXPECT_EQ(read_kernel(roots_).built_with_btf, Answer::no);
}

TEST_F(HostFacts, ReadsPrivileges) {
  write("proc/self/status",
        "Name:\tCapEff\nUid:\t7\t1000\t8\t9\nCapPrm:\t0\nCapEff:\t000000c000000000\n"
        "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n");
  write("proc/sys/net/ipv4/ip_unprivileged_port_start", "80\n");
  link("proc/self/ns/pid", "pid:[4026531836]");
  link("proc/self/ns/user", "user:[4026532999]");
  write("proc/self/mountinfo",
        "22 28 0:21 / /proc rw - proc proc rw\n"
        "23 28 0:22 / /sys rw - sysfs sysfs rw,hidepid=9\n"
        "30 28 0:23 / /proc rw,nosuid - proc proc rw,gid=4,hidepid=invisible,x=1\n");
  const auto privileges = read_privileges(roots_);
  EXPECT_TRUE(has_capability(privileges, CAP_PERFMON));
  EXPECT_TRUE(has_capability(privileges, CAP_BPF));
  EXPECT_FALSE(has_capability(privileges, CAP_SYS_PTRACE));
  EXPECT_EQ(privileges.effective_uid, 1000U);
  EXPECT_TRUE(privileges.no_new_privs);
  EXPECT_EQ(privileges.seccomp_mode, 2);
  EXPECT_EQ(privileges.first_unprivileged_port, 80U);
  EXPECT_EQ(privileges.in_initial_pid_namespace, Answer::yes);
  EXPECT_EQ(privileges.in_initial_user_namespace, Answer::no);
  EXPECT_EQ(privileges.hidepid, "invisible");
  EXPECT_FALSE(may_load_programs(privileges));  // not in a user namespace of one's own
}

TEST_F(HostFacts, TypeInformationThatIsNoneIsSaid) {
  KernelFacts kernel;
  read_type_information(kernel, roots_.sys);
  EXPECT_FALSE(kernel.btf_readable);
  EXPECT_EQ(kernel.btf_problem, "No such file or directory");
  write("sys/kernel/btf/vmlinux", "nonsense");
  read_type_information(kernel, roots_.sys);
  EXPECT_FALSE(kernel.btf_readable);
  EXPECT_NE(kernel.btf_problem.find("not understood"), std::string::npos);
}

}  // namespace
}  // namespace beyla::agent::doctor
