#include <cstdio>

#include "tools/simulate/worlds.h"

int SimulateLivekit(const WorldOptions&) {
  std::fputs("built without the world \"livekit\"\n", stderr);
  return 64;
}
