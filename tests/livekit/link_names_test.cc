// Names: looked up off the loop, under a deadline, with the last good addresses kept, each address tried in its turn.
//
// This program's getaddrinfo stands before the C library's: names that end in ".test" are answered by the test.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "tests/livekit/link_rig.h"
#include "worker/base/clock.h"
#include "worker/livekit/resolve.h"

namespace andiron::livekit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::mutex mutex;
std::condition_variable changed;
std::map<std::string, std::vector<std::string>> known;  // under the mutex; "" = hangs until it is another one
std::atomic<int> asked = 0;
std::thread::id loop_thread;

using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

Real RealOne() { return reinterpret_cast<Real>(dlsym(RTLD_NEXT, "getaddrinfo")); }

int Answer(const std::string& name, const addrinfo* hints, addrinfo** result) {
  EXPECT_NE(std::this_thread::get_id(), loop_thread) << "a look-up on the loop: " << name;
  ++asked;
  std::vector<std::string> addresses;
  {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(60), [&] { return known[name] != std::vector<std::string>{""}; });
    addresses = known[name];
  }
  if (addresses.empty()) return EAI_NONAME;
  addrinfo* all = nullptr;
  for (auto address = addresses.rbegin(); address != addresses.rend(); ++address) {
    addrinfo* one = nullptr;
    if (RealOne()(address->c_str(), nullptr, hints, &one) != 0) return EAI_FAIL;
    one->ai_next = all;
    all = one;
  }
  *result = all;
  return 0;
}

void Know(const std::string& name, std::vector<std::string> addresses) {
  const std::lock_guard lock(mutex);
  known[name] = std::move(addresses);
  changed.notify_all();
}

LinkTarget Named(const std::string& name, int port) {
  LinkTarget target = Plain(port);
  target.url.host = name;
  return target;
}

}  // namespace
}  // namespace andiron::livekit

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** result) {
  if (name != nullptr && std::string_view(name).ends_with(".test"))
    return andiron::livekit::Answer(name, hints, result);
  return andiron::livekit::RealOne()(name, service, hints, result);
}

namespace andiron::livekit {
namespace {

class LinkNames : public testing::Test {
 protected:
  LinkNames() { loop_thread = std::this_thread::get_id(); }
};

TEST_F(LinkNames, AreLookedUpOffTheLoop) {
  ScriptedServer server(R"([[["upgrade"]]])");
  Know("server.test", {"127.0.0.1"});
  LinkRig rig;
  rig.Make(Named("server.test", server.port()));
  rig.Open();
  EXPECT_EQ(rig.link().waits_for(), "the look-up of server.test");
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
  EXPECT_EQ(server.After("host"), "server.test:" + std::to_string(server.port()));
}

TEST_F(LinkNames, ThatNobodyKnowsAreNamed) {
  LinkRig rig;
  rig.Make(Named("nobody.test", 1));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), HasSubstr("the look-up of nobody.test failed"));
}

TEST_F(LinkNames, ASlowLookUpEndsAtItsDeadlineAndIsStillWaitedForAtTheEnd) {
  Know("slow.test", {""});
  {
    LinkRig rig;
    LinkTarget target = Named("slow.test", 1);
    target.lookup_timeout = std::chrono::milliseconds(100);
    rig.Make(target);
    rig.Open();
    ASSERT_TRUE(rig.UntilClosed());
    EXPECT_THAT(rig.what(), HasSubstr("the look-up of slow.test takes too long"));
    rig.Open();
    rig.link().Close("during the look-up");
    ASSERT_TRUE(rig.UntilClosed());
    EXPECT_EQ(rig.what(), "during the look-up");
    rig.Open();
    rig.Drop();
    bool gone = false;
    rig.links().Close([&gone] { gone = true; });
    RunFor(rig.loop(), std::chrono::milliseconds(50));
    EXPECT_FALSE(gone);
    Know("slow.test", {"127.0.0.1"});
    ASSERT_TRUE(rig.Until([&gone] { return gone; }));
  }
}

TEST_F(LinkNames, TheLastGoodAddressOutlivesTheResolver) {
  ScriptedServer server(R"([[["upgrade"]]])");
  Know("flaky.test", {"127.0.0.1"});
  LinkRig rig;
  LinkTarget target = Named("flaky.test", server.port());
  target.lookup_timeout = std::chrono::seconds(2);
  rig.Make(target);
  for (const std::vector<std::string>& answer : {std::vector<std::string>{"127.0.0.1"}, {}, {""}}) {
    Know("flaky.test", answer);
    rig.Open();
    ASSERT_TRUE(rig.UntilOpened()) << rig.what();
    rig.link().Close("again");
    ASSERT_TRUE(rig.UntilClosed());
  }
  Know("flaky.test", {"127.0.0.1"});
  EXPECT_EQ(server.Count("request"), 3);
}

TEST_F(LinkNames, EachAddressIsTriedUntilOneAnswers) {
  ScriptedServer server(R"([[["upgrade"]]])", "127.0.0.3");
  Know("many.test", {"::1", "127.0.0.1", "127.0.0.2", "127.0.0.3"});
  LinkRig rig;
  rig.Make(Named("many.test", server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
}

TEST_F(LinkNames, AnIpv6AddressIsTriedToo) {
  ScriptedServer server(R"([[["upgrade"]]])", "::1");
  Know("six.test", {"127.0.0.1", "::1"});
  LinkRig rig;
  rig.Make(Named("six.test", server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
}

TEST_F(LinkNames, WhenNoAddressAnswersTheLastOneIsNamed) {
  int port = 0;
  {
    ScriptedServer gone(R"([[["hold"]]])");
    port = gone.port();
  }
  Know("dead.test", {"127.0.0.1", "127.0.0.2"});
  LinkRig rig;
  rig.Make(Named("dead.test", port));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), HasSubstr("dead.test:" + std::to_string(port) + " (127.0.0.2): Connection refused"));
}

// Of the documentation's network: packets to it are lost, or it is unreachable at once.
TEST_F(LinkNames, AnAddressThatNobodyHasDoesNotKeepTheNextOneWaiting) {
  ScriptedServer server(R"([[["upgrade"]]])");
  Know("lost.test", {"192.0.2.1", "127.0.0.1"});
  LinkRig rig;
  LinkTarget target = Named("lost.test", server.port());
  target.address_timeout = std::chrono::milliseconds(200);
  rig.Make(target);
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
}

TEST_F(LinkNames, AServerThatAnswersWrongHandsTheNextAttemptToTheNextAddress) {
  ScriptedServer wrong(R"([[["answer", "503 Busy"]]])", "127.0.0.1");
  ScriptedServer right(R"([[["upgrade"]]])", "127.0.0.2", wrong.port());
  Know("two.test", {"127.0.0.1", "127.0.0.2"});
  LinkRig rig;
  rig.Make(Named("two.test", wrong.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), HasSubstr("HTTP 503"));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
  rig.link().Close("again");
  ASSERT_TRUE(rig.UntilClosed());
  // The one that worked comes first from now on.
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
  EXPECT_EQ(right.Count("request"), 2);
}

TEST(AddressList, GivesEachItsTurnAndTheGoodOneTheFirst) {
  AddressList list;
  EXPECT_TRUE(list.empty());
  EXPECT_THAT(list.Order(), ElementsAre());
  list.Learn({"a", "b", "c"});
  EXPECT_THAT(list.Order(), ElementsAre("a", "b", "c"));
  list.Failed("a");
  EXPECT_THAT(list.Order(), ElementsAre("b", "c", "a"));
  list.Failed("c");
  EXPECT_THAT(list.Order(), ElementsAre("a", "b", "c"));
  list.Worked("b");
  EXPECT_THAT(list.Order(), ElementsAre("b", "a", "c"));
  list.Learn({});
  EXPECT_THAT(list.Order(), ElementsAre("b", "a", "c"));
  list.Failed("b");
  EXPECT_THAT(list.Order(), ElementsAre("c", "a", "b"));
  list.Learn({"d"});
  EXPECT_THAT(list.Order(), ElementsAre("d"));
}

}  // namespace
}  // namespace andiron::livekit
