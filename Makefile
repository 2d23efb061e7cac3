# mote: `make help` lists the targets and the variables. GNU make; CMakeLists.txt has the same targets for CMake.
#
# Sources are found by globbing; an ISA file gets its flags by the end of its name, wherever it lies. Everything made goes
# under $(BUILD). Objects depend on the flags they were made with, so changing a variable rebuilds what it must.

BUILD ?= build
CC ?= cc
CXX ?= g++
AR ?= ar
PYTHON ?= /usr/bin/python3
CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy
PREFIX ?= /usr/local
OPT ?= $(if $(SANITIZE),-O1,-O2)
CFLAGS ?=
CXXFLAGS ?=
LDFLAGS ?=
MODEL ?= examples/models/fashion-int8.mote
FLOAT_MODEL ?= examples/models/fashion.mote

# As many jobs as processors; a -j on the command line wins, and a make that runs this one decides for it.
MAKEFLAGS += --no-builtin-rules $(if $(filter 0,$(MAKELEVEL)),-j$(shell nproc 2>/dev/null || echo 1))
comma := ,
.DELETE_ON_ERROR:
.SECONDARY:

# ---- flags ---------------------------------------------------------------------------------------------------------

MACHINE := $(shell $(CXX) $(CXXFLAGS) -dumpmachine 2>/dev/null)
WARN := -Wall -Wextra $(if $(WERROR),-Werror)
SAN := $(if $(SANITIZE),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g) \
  $(if $(FUZZER),-fsanitize=fuzzer-no-link)
COMMON := -Iinclude -Isrc -I. -ffp-contract=off $(WARN) $(SAN) $(OPT) $(if $(NDEBUG),-DNDEBUG)
# What firmware is compiled with. -fno-math-errno makes sqrtf an instruction instead of a call; no result changes.
DEVICE := -std=c++17 -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-math-errno -ffunction-sections -fdata-sections
HOST := -std=c++17 -pthread
C99 := -std=c99 -pedantic

# By the end of a file's name; and where -O3 pays.
fast := $(if $(filter -O2,$(OPT)),-O3)
x86 := $(filter x86_64-%,$(MACHINE))
arm64 := $(filter aarch64-% arm64-%,$(MACHINE))
avx2_flags := $(if $(x86),-mavx2 -mfma)
avx512_flags := $(if $(x86),-mavx512f -mavx512vl -mavx512dq -mavx512bw -mavx2 -mfma)
dotprod_flags := $(if $(arm64),-march=armv8.2-a+dotprod)
i8mm_flags := $(if $(arm64),-march=armv8.2-a+dotprod+i8mm)
isa = $(if $(filter %_avx2.cpp,$1),$(fast) $(avx2_flags)) $(if $(filter %_avx512.cpp,$1),$(fast) $(avx512_flags)) $(if \
  $(filter %_dotprod.cpp,$1),$(fast) $(dotprod_flags)) $(if $(filter %_i8mm.cpp,$1),$(fast) $(i8mm_flags)) $(if \
  $(filter %_neon.cpp weights_tool/train/%,$1),$(fast))

# ---- sources -------------------------------------------------------------------------------------------------------

find = $(sort $(shell find $1 -name '$2' 2>/dev/null))
OBJ := $(BUILD)/obj
objects = $(patsubst %,$(OBJ)/%.o,$(basename $1))

LIB_SRC := $(call find,src,*.cpp)
TOOL_SRC := $(filter-out weights_tool/main.cpp,$(call find,weights_tool,*.cpp))
# TEST_DIRS="format api" builds only the tests in tests/format and tests/api.
TEST_DIRS ?= $(filter-out bench consume data fuzz support targets,$(notdir $(patsubst %/,%,$(wildcard tests/*/))))
GOLDEN_SRC := $(filter-out %_test.cpp,$(call find,tests/golden,*.cpp))
TEST_SRC := tests/main.cpp $(filter-out tests/golden/make_%.cpp, \
  $(foreach d,support $(TEST_DIRS),$(call find,tests/$d,*.cpp) $(call find,tests/$d,*.c)))
FUZZ := $(patsubst tests/fuzz/fuzz_%.cpp,%,$(sort $(wildcard tests/fuzz/fuzz_*.cpp)))
BENCHES := $(patsubst %.cpp,$(BUILD)/%,$(sort $(wildcard tests/bench/*_bench.cpp)))
C_EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard examples/c/*.c)))
CPP_EXAMPLES := $(patsubst %.cpp,$(BUILD)/%,$(sort $(wildcard examples/cpp/*.cpp)))
EXAMPLES := $(C_EXAMPLES) $(CPP_EXAMPLES)
HEADERS := $(sort $(wildcard include/mote/*.h include/mote/*.hpp))
STYLED := $(foreach s,h hpp c cpp,$(call find,src include weights_tool tests examples,*.$s))

LIB_OBJ := $(call objects,$(LIB_SRC))
TOOL_OBJ := $(call objects,$(TOOL_SRC))
TEST_OBJ := $(call objects,$(TEST_SRC))
SUPPORT_OBJ := $(call objects,$(call find,tests/support,*.cpp))
REPLAYS := $(FUZZ:%=$(BUILD)/tests/fuzz/replay_%)
FUZZERS := $(FUZZ:%=$(BUILD)/tests/fuzz/fuzz_%)

# ---- building ------------------------------------------------------------------------------------------------------

.PHONY: all lib tests
all: $(BUILD)/weights_tool $(BUILD)/libmote.a $(EXAMPLES)  ## weights_tool, libmote.a and the examples (the default)
lib: $(BUILD)/libmote.a                                    ## the device library alone
tests: $(BUILD)/mote_tests $(REPLAYS)                      ## builds the tests without running them

# A file that changes only when its text does. $1: the file, $2: the text.
define stamp
$1: FORCE
	@mkdir -p $$(@D); echo '$(subst ','\'',$2)' | cmp -s - $$@ || echo '$(subst ','\'',$2)' > $$@
endef
.PHONY: FORCE
FORCE:
FLAGS := $(BUILD)/flags.txt
$(eval $(call stamp,$(FLAGS),$(CC) $(CXX) $(MACHINE) $(COMMON) $(DEVICE) $(HOST) $(CFLAGS) $(CXXFLAGS) $(LDFLAGS) $(CURDIR)))
$(eval $(call stamp,$(BUILD)/sources.txt,$(LIB_SRC) $(TOOL_SRC)))
$(eval $(call stamp,$(BUILD)/tests.txt,$(TEST_SRC)))

# What is printed while building: a word and the target, or with V=1 the command.
say = $(if $(V),,@echo '  $1 $(patsubst $(OBJ)/%,%,$(@:$(BUILD)/%=%))';)
depend = -MMD -MP -MF $(@:.o=.d)

$(OBJ)/src/%.o: src/%.cpp $(FLAGS)
	@mkdir -p $(@D)
	$(call say,c++ )$(CXX) $(DEVICE) $(COMMON) $(call isa,$<) $(depend) $(CXXFLAGS) -c $< -o $@

$(OBJ)/tests/%.o: tests/%.cpp $(FLAGS) | $(BUILD)/doctest.txt
	@mkdir -p $(@D)
	$(call say,c++ )$(CXX) $(HOST) $(COMMON) $(call isa,$<) $(depend) -DMOTE_TEST_DATA='"$(CURDIR)/tests/data"' $(CXXFLAGS) -c $< -o $@

$(OBJ)/tests/bench/%.o: tests/bench/%.cpp $(FLAGS)
	@mkdir -p $(@D)
	$(call say,c++ )$(CXX) $(HOST) $(COMMON) $(depend) $(CXXFLAGS) -c $< -o $@

$(OBJ)/tests/fuzz/%.o: tests/fuzz/%.cpp $(FLAGS)
	@mkdir -p $(@D)
	$(call say,c++ )$(CXX) $(HOST) $(COMMON) $(depend) $(CXXFLAGS) -c $< -o $@

$(OBJ)/%.o: %.cpp $(FLAGS)
	@mkdir -p $(@D)
	$(call say,c++ )$(CXX) $(HOST) $(COMMON) $(call isa,$<) $(depend) $(CXXFLAGS) -c $< -o $@

$(OBJ)/%.o: %.c $(FLAGS)
	@mkdir -p $(@D)
	$(call say,cc  )$(CC) $(C99) $(COMMON) $(depend) $(CFLAGS) -c $< -o $@

$(BUILD)/libmote.a: $(LIB_OBJ) $(BUILD)/sources.txt
	$(call say,ar  )rm -f $@; $(AR) rcs $@ $(LIB_OBJ)

$(BUILD)/libweights.a: $(TOOL_OBJ) $(BUILD)/sources.txt
	$(call say,ar  )rm -f $@; $(AR) rcs $@ $(TOOL_OBJ)

LIBS := $(BUILD)/libweights.a $(BUILD)/libmote.a
inputs = $(filter %.o,$^) $(filter %.a,$^)
link = $(CXX) -pthread $(SAN) $(OPT) $(CXXFLAGS) $(inputs) $(LDFLAGS) -o $@

$(BUILD)/weights_tool: $(OBJ)/weights_tool/main.o $(LIBS)
	@mkdir -p $(@D)
	$(call say,link)$(link)

$(BUILD)/mote_tests: $(TEST_OBJ) $(LIBS) $(BUILD)/tests.txt
	@mkdir -p $(@D)
	$(call say,link)$(link)

$(BUILD)/make_golden: $(call objects,$(GOLDEN_SRC)) $(SUPPORT_OBJ) $(LIBS)
	@mkdir -p $(@D)
	$(call say,link)$(link)

$(BENCHES): $(BUILD)/%: $(OBJ)/%.o $(LIBS)
	@mkdir -p $(@D)
	$(call say,link)$(link)

# Linked by the C compiler and without libm: a program in C needs no C++ runtime. Sanitized C++ does.
$(C_EXAMPLES): $(BUILD)/%: $(OBJ)/%.o $(BUILD)/libmote.a
	@mkdir -p $(@D)
	$(call say,link)$(if $(SANITIZE),$(CXX) $(SAN),$(CC)) $(OPT) $(CFLAGS) $(inputs) $(LDFLAGS) -o $@

# The model as a C array, as firmware links it.
EMBEDDED := $(BUILD)/examples/c/embedded
$(BUILD)/export/fashion.c: $(MODEL) $(BUILD)/weights_tool
	@mkdir -p $(@D)
	$(call say,make)$(RUN) $(BUILD)/weights_tool export $(MODEL) --c $(@D)/fashion --force > /dev/null

$(EMBEDDED): examples/c/embedded/main.c $(BUILD)/export/fashion.c $(BUILD)/libmote.a
	@mkdir -p $(@D)
	$(call say,cc  )cd $(BUILD)/export && $(CC) $(C99) $(SAN) $(OPT) -Wall -Wextra -Werror -I$(CURDIR)/include -I. $(CFLAGS) \
	  -c $(CURDIR)/$< fashion.c
	@$(if $(SANITIZE),$(CXX) $(SAN),$(CC)) $(CFLAGS) $(BUILD)/export/main.o $(BUILD)/export/fashion.o $(BUILD)/libmote.a \
	  $(LDFLAGS) -o $@

$(CPP_EXAMPLES): $(BUILD)/%: $(OBJ)/%.o $(BUILD)/libmote.a
	@mkdir -p $(@D)
	$(call say,link)$(link)

$(REPLAYS): $(BUILD)/tests/fuzz/replay_%: $(OBJ)/tests/fuzz/fuzz_%.o $(OBJ)/tests/fuzz/replay_main.o $(SUPPORT_OBJ) $(LIBS)
	@mkdir -p $(@D)
	$(call say,link)$(link)

$(FUZZERS): $(BUILD)/%: $(OBJ)/%.o $(SUPPORT_OBJ) $(LIBS)
	@mkdir -p $(@D)
	$(call say,link)$(CXX) -pthread $(SAN) -fsanitize=fuzzer $(OPT) $(CXXFLAGS) $(inputs) $(LDFLAGS) -o $@

-include $(LIB_OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(patsubst $(BUILD)/%,$(OBJ)/%.d,$(EXAMPLES) $(BENCHES) $(FUZZERS)) \
  $(OBJ)/weights_tool/main.d $(OBJ)/tests/fuzz/replay_main.d

# ---- running -------------------------------------------------------------------------------------------------------

.PHONY: demo test test-unit test-c99 test-examples test-fuzz
.PHONY: bench bench-kernels bench-forward bench-train bench-int8 bench-profile
DEMO_OUT ?= samples.png
COMPARE_OUT ?= compare.png

demo: $(BUILD)/weights_tool         ## draws samples.png, 64 pictures, and compare.png: float, int8, the difference
	$(BUILD)/weights_tool sample $(MODEL) --n 64 --out $(DEMO_OUT) --force
	$(BUILD)/weights_tool compare $(FLOAT_MODEL) $(MODEL) --out $(COMPARE_OUT) --force

include examples/gallery/gallery.mk

# One header is all the tests need from outside.
$(BUILD)/doctest.txt:
	@mkdir -p $(@D)
	@have() { echo '#include <doctest/doctest.h>' | $(CXX) $(CXXFLAGS) -x c++ -fsyntax-only - 2>/dev/null; }; \
	 if ! have; then \
	   if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then sudo=env; elif sudo -n true 2>/dev/null; then sudo=sudo; else \
	     echo 'The tests need the header doctest/doctest.h: sudo apt-get install doctest-dev' >&2; exit 1; fi; \
	   echo 'installing doctest-dev, which the tests need'; \
	   $$sudo apt-get -q update && $$sudo DEBIAN_FRONTEND=noninteractive \
	     apt-get -qy install --no-install-recommends -o DPkg::Lock::Timeout=600 doctest-dev && have; fi
	@echo found > $@

test: test-unit test-c99 test-examples test-fuzz           ## builds and runs all tests (installs doctest-dev if missing)
	@echo 'make test: all passed'

TEST_ARGS ?=
test-unit: $(BUILD)/mote_tests                             ## the unit tests; TEST_ARGS='-tc=*name*' picks some
	$(RUN) $(BUILD)/mote_tests $(TEST_ARGS)

# The public header and everything in C is clean C99, and the header is clean C++ too.
C_SRC := $(sort $(wildcard tests/*/*.c examples/c/*.c examples/firmware/app/*.c examples/firmware/boards/host/*.c))
test-c99: $(BUILD)/export/fashion.c                        ## the C header and the C sources under -std=c99 -pedantic -Werror
	@for f in $(C_SRC) include/mote/mote.h; do \
	  $(CC) -x c $(C99) -Wall -Wextra -Werror -Iinclude -I$(<D) -I$(FIRMWARE)/app -fsyntax-only $(CFLAGS) $$f || exit 1; done
	@for f in $(HEADERS); do \
	  $(CXX) -x c++ -std=c++17 -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only $(CXXFLAGS) $$f || exit 1; done
	@echo 'test-c99: $(words $(C_SRC)) C files, $(words $(HEADERS)) headers clean'

test-examples: $(EXAMPLES) $(EMBEDDED)                     ## runs every example on the shipped model
	@mkdir -p $(BUILD)/examples/out
	@for e in $(EXAMPLES:$(BUILD)/examples/%=%); do out=$(BUILD)/examples/out/$$(echo $$e | tr / -); \
	  $(RUN) $(BUILD)/examples/$$e $(MODEL) $$out.pgm > $$out.txt || { echo "test-examples: $$e failed" >&2; exit 1; }; done
	@$(RUN) $(EMBEDDED) > $(BUILD)/examples/out/embedded.txt
	@tail -n +2 $(BUILD)/examples/out/c-sample.txt | cmp - $(BUILD)/examples/out/embedded.txt || \
	  { echo 'test-examples: the embedded example draws another picture than the sample program' >&2; exit 1; }
	@echo 'test-examples: $(words $(EXAMPLES) $(EMBEDDED)) ran'

FUZZ_MUTATIONS ?= 100
test-fuzz: $(REPLAYS)                                      ## replays the seeds of every fuzz target, and mutations of them
	@for f in $(FUZZ); do printf 'fuzz_%s: ' $$f; \
	  $(RUN) $(BUILD)/tests/fuzz/replay_$$f tests/data/fuzz/$$f --mutations $(FUZZ_MUTATIONS) || exit 1; done

# Only when models are meant to draw other pictures: the head of tests/golden/hashes.txt says what follows from that.
GOLDEN ?= models
.PHONY: golden
golden: $(BUILD)/make_golden                               ## records the golden models and hashes anew; GOLDEN='hash FILE'
	$(BUILD)/make_golden $(GOLDEN)

# ROUNDS=9 for a quieter result on a noisy machine.
ROUNDS ?= 5
bench: bench-kernels bench-forward                         ## kernels, and the forward pass against PyTorch
have_torch = $(PYTHON) -c 'import torch' 2>/dev/null || \
  { echo '$@: for the comparison install PyTorch: apt-get install python3-torch python3-numpy libopenblas0-pthread' >&2; exit 1; }

bench-kernels: $(BENCHES)                                  ## each kernel on the layers of the shipped network
	$(BUILD)/tests/bench/kernels_bench
	$(BUILD)/tests/bench/conv2d_s8_bench
	$(BUILD)/tests/bench/elementwise_s8_bench

bench-forward: $(BENCHES)                                  ## forward pass, batch 1, one thread: mote and PyTorch by turns
	@$(have_torch)
	$(PYTHON) tests/bench/compare.py forward --build $(BUILD) --rounds $(ROUNDS)

bench-train: $(BUILD)/weights_tool $(BENCHES)              ## training images/s, two threads: mote and PyTorch by turns
	@$(have_torch)
	$(PYTHON) tests/bench/compare.py train --build $(BUILD) --rounds $(ROUNDS)

# The DDPM CIFAR-10 network with random weights: their values do not matter, so one picture calibrates it.
BENCH_MODELS := $(BUILD)/bench
DDPM_MODELS := $(BENCH_MODELS)/ddpm_cifar10.mote $(BENCH_MODELS)/ddpm_cifar10-int8.mote
$(BENCH_MODELS)/ddpm_cifar10.mote: tests/bench/ddpm_cifar10.json tests/bench/forward_bench.cpp src/format/format.h \
  | $(BUILD)/tests/bench/forward_bench
	@mkdir -p $(@D)
	$(call say,make)$(BUILD)/tests/bench/forward_bench $< --write $@
$(BENCH_MODELS)/ddpm_cifar10-int8.mote: $(BENCH_MODELS)/ddpm_cifar10.mote $(wildcard weights_tool/quantize/*) \
  | $(BUILD)/weights_tool
	$(call say,make)$(BUILD)/weights_tool quantize $< --steps 10 --calibrate 1 --no-bias-correction --out $@ --force \
	  > $@.txt 2>&1 || { cat $@.txt >&2; exit 1; }

# The package's own script would fetch libraries for GPUs. Without npm or a network the benchmark says what is missing.
ONNXRUNTIME := onnxruntime-node@1.30.0
$(BENCH_MODELS)/node_modules.txt:
	@mkdir -p $(@D); if command -v npm > /dev/null && npm install --prefix $(@D) --ignore-scripts --no-audit --no-fund \
	  $(ONNXRUNTIME) > $@.log 2>&1; then echo $(ONNXRUNTIME) > $@; fi

INT8_ROUNDS ?= 15
bench-int8: $(BUILD)/tests/bench/forward_bench $(DDPM_MODELS) $(BENCH_MODELS)/node_modules.txt  ## forward pass: int8, float and ONNX Runtime's int8 by turns
	$(PYTHON) tests/bench/compare_int8.py --build $(BUILD) --rounds $(INT8_ROUNDS)

bench-profile: $(BUILD)/tests/bench/profile_bench $(DDPM_MODELS)  ## time of each operator, int8 beside float
	$(BUILD)/tests/bench/profile_bench $(FLOAT_MODEL) $(MODEL) --seconds 10
	$(BUILD)/tests/bench/profile_bench $(DDPM_MODELS) --seconds 20

# ---- other configurations of this build, each in a folder of its own -------------------------------------------------

.PHONY: fuzz fuzzers cross-aarch64 test-aarch64 armv7-tests test-armv7
FUZZ_SECONDS ?= 60
fuzz:                                                      ## runs every fuzz target for FUZZ_SECONDS=60 (needs clang)
	$(MAKE) BUILD=$(BUILD)/fuzz CC=clang CXX=clang++ SANITIZE=1 FUZZER=1 fuzzers
	@for f in $(FUZZ); do mkdir -p $(BUILD)/fuzz/corpus/$$f; echo "fuzz_$$f"; \
	  $(BUILD)/fuzz/tests/fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
	    -artifact_prefix=$(BUILD)/fuzz/$$f- $(BUILD)/fuzz/corpus/$$f tests/data/fuzz/$$f || exit 1; done
fuzzers: $(FUZZERS)

# The tests of everything that runs on a device. Host tests say nothing new on another processor, and take long.
DEVICE_TEST_DIRS ?= core format kernels graph diffusion edit api golden
AARCH64 := $(MAKE) BUILD=$(BUILD)/aarch64 CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++ AR=aarch64-linux-gnu-ar \
  LDFLAGS=-static TEST_DIRS='$(DEVICE_TEST_DIRS)'
cross-aarch64:                                             ## everything for 64-bit ARM (needs g++-aarch64-linux-gnu)
	$(AARCH64) all tests
# Without SDOT, with it, and with SMMLA besides; the others differ from the first in int8 kernels only.
AARCH64_CPUS ?= cortex-a53
AARCH64_INT8_CPUS ?= cortex-a76 max
INT8_TESTS := -sf=*_s8_test.cpp,*/golden_test.cpp,*/select_test.cpp
test-aarch64: cross-aarch64                                ## the device tests under qemu-aarch64
	@for cpu in $(AARCH64_CPUS); do echo "qemu-aarch64 -cpu $$cpu"; \
	  $(AARCH64) RUN="qemu-aarch64 -cpu $$cpu" test-unit test-examples || exit 1; done
	@for cpu in $(AARCH64_INT8_CPUS); do echo "qemu-aarch64 -cpu $$cpu"; \
	  $(AARCH64) RUN="qemu-aarch64 -cpu $$cpu" TEST_ARGS='$(INT8_TESTS)' test-unit || exit 1; done

# ARMv7 has NEON kernels for int8 only. ARMV7_TESTS= runs all tests of the folders.
ARMV7_TEST_DIRS ?= kernels golden
ARMV7_TESTS ?= $(INT8_TESTS)
ARMV7_FLAGS := -march=armv7-a+neon -mfpu=neon -Wno-psabi
ARMV7 := $(MAKE) BUILD=$(BUILD)/armv7 CC=arm-linux-gnueabihf-gcc CXX=arm-linux-gnueabihf-g++ AR=arm-linux-gnueabihf-ar \
  CFLAGS='$(ARMV7_FLAGS)' CXXFLAGS='$(ARMV7_FLAGS)' LDFLAGS=-static TEST_DIRS='$(ARMV7_TEST_DIRS)'
armv7-tests:                                               ## library and tests for 32-bit ARM (g++-arm-linux-gnueabihf)
	$(ARMV7) lib $(BUILD)/armv7/mote_tests
test-armv7: armv7-tests                                    ## the int8 and golden tests under qemu-arm
	$(ARMV7) RUN='qemu-arm -cpu cortex-a7' TEST_ARGS='$(ARMV7_TESTS)' test-unit

include examples/firmware/firmware.mk
include tests/targets/kernels/kernels.mk
include tests/targets/power/power.mk

# ---- style, checks, install ------------------------------------------------------------------------------------------

.PHONY: format format-check lint lint-device tidy install clean help
format:                                                    ## formats every source in place
	$(CLANG_FORMAT) -i $(STYLED)
format-check:                                              ## fails if `make format` would change something
	$(CLANG_FORMAT) --dry-run --Werror $(STYLED)

lint: lint-device tidy                                     ## both checks below
lint-device: $(LIBS)                                       ## device code: allowed includes and symbols only
	sh tests/targets/check_device.sh $(BUILD)/libmote.a $(BUILD)/libweights.a
# Files of instruction sets other than this processor's are empty here.
TIDY_SRC ?= $(LIB_SRC) $(TOOL_SRC) weights_tool/main.cpp
tidy:                                                      ## clang-tidy over src and weights_tool
	@printf '%s\n' $(TIDY_SRC) | xargs -P$$(nproc) -I{} $(CLANG_TIDY) --quiet {} -- \
	  -std=c++17 -Iinclude -Isrc -I. $(avx512_flags) 2>/dev/null

install: $(BUILD)/weights_tool $(BUILD)/libmote.a          ## to PREFIX=/usr/local (and DESTDIR)
	install -d $(DESTDIR)$(PREFIX)/include/mote $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include/mote
	install -m 644 $(BUILD)/libmote.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(BUILD)/weights_tool $(DESTDIR)$(PREFIX)/bin
	sed -e 's|@UP@|../..|; s|@LIBDIR@|lib|; s|@VERSION@|$(VERSION)|' examples/packaging/mote.pc.in \
	  > $(DESTDIR)$(PREFIX)/lib/pkgconfig/mote.pc
VERSION = $(shell sed -n 's/.*MOTE_VERSION_STRING "\(.*\)"/\1/p' include/mote/version.h)

clean:                                                     ## removes $(BUILD)
	rm -rf $(BUILD)

help:                                                      ## this list
	@echo 'make TARGET [VARIABLE=value ...]'
	@echo
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/\1|\2/p' $(filter Makefile %.mk,$(MAKEFILE_LIST)) | \
	  while IFS='|' read -r t h; do printf '  %-16s %s\n' "$$t" "$$h"; done
	@echo
	@echo 'cross-T run-T check-device-T  builds, runs, checks the firmware example; T is one of'
	@echo '              $(FW_TARGETS)'
	@echo
	@echo 'BUILD=build   where everything made goes        CXX= CC= AR=  the tools; a cross compiler works'
	@echo 'SANITIZE=1    AddressSanitizer, UBSan, -O1      WERROR=1      warnings are errors'
	@echo 'NDEBUG=1      without assertions                OPT=-O2       CXXFLAGS= CFLAGS= LDFLAGS=  added last'
	@echo 'V=1           prints the commands               RUN=          put before a test program (an emulator)'
