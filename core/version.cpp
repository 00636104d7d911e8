#include "core/version.h"

namespace limbeck {

const char* version() {
#ifdef LIMBECK_VERSION  // told by the build
  return LIMBECK_VERSION;
#else
  return "unknown";
#endif
}

}  // namespace limbeck
