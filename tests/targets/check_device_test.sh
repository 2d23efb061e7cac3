#!/bin/sh
# Proves that check_device.sh and check_firmware.sh refuse what they are there to refuse: small objects and programs,
# each with one thing that a device may not have, and one of each that is clean.
#
#   sh tests/targets/check_device_test.sh        from the root; CXX=g++; programs are linked with CROSS=arm-none-eabi-
set -u
CXX=${CXX:-g++}
AR=${AR:-ar}
CROSS=${CROSS:-arm-none-eabi-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checked=0

fail() {
  echo "check_device_test: $1" >&2
  cat "$work/log" >&2
  exit 1
}

# $1: what must be found, or nothing for a clean one; the rest: a check and its arguments
expect() {
  word=$1
  shift
  checked=$((checked + 1))
  if sh "$@" > "$work/log" 2>&1; then
    [ -z "$word" ] || fail "not refused: $name ($word)"
  else
    [ -n "$word" ] || fail "refused, though clean: $name"
    grep -q -- "$word" "$work/log" || fail "refused for another reason than $word: $name"
  fi
}

# $1: name of the object, $2: what must be found; the source comes from stdin
object() {
  name=$1
  cat > "$work/$name.cpp"
  rm -f "$work/lib.a"
  # shellcheck disable=SC2086
  $CXX -std=c++17 -O1 -fno-threadsafe-statics -c "$work/$name.cpp" -o "$work/$name.o" && $AR rcs "$work/lib.a" "$work/$name.o" || exit 1
  expect "$2" tests/targets/check_device.sh "$work/lib.a"
}

object clean '' << 'END'
#include <string.h>
int table_of(const int* x) { static const int table[4] = {3, 1, 4, 1}; int y; memcpy(&y, x, sizeof y); return table[y & 3]; }
END
object heap 'calls malloc' << 'END'
#include <stdlib.h>
void* make(unsigned size) { return malloc(size); }
END
object new_array 'operator new' << 'END'
int* make(unsigned size) { return new int[size]; }
END
object constructor 'static constructor' << 'END'
int ask();
int value = ask();
END
object guard 'guard variable' << 'END'
extern "C" int memcmp(const void*, const void*, __SIZE_TYPE__);
int once(const void* p) { static const int value = memcmp(p, "b", 1); return value; }
END
object throws '__cxa_throw' << 'END'
void refuse(int x) { if (x) throw x; }
END
object stdio 'calls printf' << 'END'
#include <stdio.h>
void say(int x) { printf("%d\n", x); }
END
object libm 'calls expf' << 'END'
extern "C" float expf(float);
float grow(float x) { return expf(x); }
END
object double_precision 'calls sqrt,' << 'END'
extern "C" double sqrt(double);
double root(double x) { return sqrt(x); }
END
object virtual_function 'vtable' << 'END'
struct Base { virtual int f() { return 1; } };
Base base() { return Base(); }
int call(Base* b) { return b->f(); }
END
object global 'writable global' << 'END'
int counter = 7;
END
object thread 'writable global\|__tls' << 'END'
thread_local int mine = 7;
END
object leak_avx2 'weak symbol' << 'END'
inline int shared(int x) { return x * 3; }
int (*kernel())(int) { return shared; }
END

# $1: name of the program, $2: what must be found; the source, C++, comes from stdin
program() {
  name=$1
  cat > "$work/$name.cpp"
  # shellcheck disable=SC2086
  "${CROSS}g++" -std=c++17 -O1 -mthumb -mcpu=cortex-m4 -ffunction-sections -c "$work/$name.cpp" -o "$work/$name.o" &&
    "${CROSS}gcc" -mthumb -mcpu=cortex-m4 -nostartfiles --specs=nano.specs --specs=nosys.specs -Wl,--gc-sections,-e,main \
      "$work/$name.o" $3 -lm -o "$work/$name.elf" > "$work/link.log" 2>&1 || { cat "$work/link.log"; exit 1; }
  expect "$2" tests/targets/check_firmware.sh --target m4f "$work/$name.elf" "$work/$name.o"
}

if command -v "${CROSS}g++" > /dev/null; then
  program clean '' '' << 'END'
#include <string.h>
char buffer[64];
int main() { memset(buffer, 1, sizeof buffer); return static_cast<int>(strlen(buffer)); }
END
  program heap 'malloc: the heap' '' << 'END'
#include <stdlib.h>
int main() { return malloc(16) != nullptr; }
END
  program stdio 'printf.*: stdio' '' << 'END'
#include <stdio.h>
int main(int argc, char**) { return printf("%d\n", argc); }
END
  program locale 'locale' '' << 'END'
#include <locale.h>
int main() { return setlocale(LC_ALL, "C") != nullptr; }
END
  program libm 'expf: libm' '' << 'END'
#include <math.h>
int main(int argc, char**) { return static_cast<int>(expf(static_cast<float>(argc))); }
END
  program square_root 'sqrtf: libm' '' << 'END'
extern "C" float sqrtf(float);
int main(int argc, char**) { float (*volatile root)(float) = sqrtf; return static_cast<int>(root(static_cast<float>(argc))); }
END
  program double_precision 'double precision' '' << 'END'
int main(int argc, char**) { volatile double x = argc; x = x * x; return static_cast<int>(x); }
END
  program wide_division '64-bit division' '' << 'END'
int main(int argc, char**) { volatile unsigned long long x = 1ull << 40; return static_cast<int>(x / static_cast<unsigned long long>(argc)); }
END
  program constructor 'global constructors' '-Wl,-u,value' << 'END'
int ask(const void* p) { return *static_cast<const volatile char*>(p); }
extern "C" { extern int value; int value = ask(&value); }
int main() { return value; }
END
  program aborts 'abort and exit' '' << 'END'
#include <stdlib.h>
int main(int argc, char**) { if (argc > 3) abort(); return 0; }
END
  program guarded 'made at run time' '' << 'END'
extern "C" int __cxa_guard_acquire(void*);
extern "C" int __cxa_atexit(void (*)(void*), void*, void*);
int main() { return __cxa_atexit(nullptr, nullptr, nullptr); }
END
else
  echo "check_device_test: without ${CROSS}g++, so no programs are linked"
fi
echo "check_device_test: $checked cases, each as it must be"
