# mote: `make help` lists the targets. GNU make; the CMake build (CMakeLists.txt) has the same ones.
# Variables: BUILD (directory), CXX, CC, OPT, SANITIZE=1, WERROR=1, CROSS flags through CXXFLAGS.
BUILD ?= build
CXX ?= g++
CC ?= gcc
AR ?= ar
OPT ?= -O2
CXXFLAGS ?=
LDFLAGS ?=

ARCH := $(shell $(CXX) $(CXXFLAGS) -dumpmachine)
WARN := -Wall -Wextra $(if $(WERROR),-Werror)
SAN := $(if $(SANITIZE),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
comma := ,
COMMON := -Iinclude -Isrc -I. -ffp-contract=off $(WARN) $(SAN) $(OPT) -MMD -MP $(CXXFLAGS)
DEVICE := -std=c++17 -fno-exceptions -fno-rtti -fno-threadsafe-statics -ffunction-sections -fdata-sections
HOST := -std=c++17 -pthread
AVX2 := $(if $(findstring x86_64,$(ARCH)),-mavx2 -mfma)
AVX512 := $(if $(findstring x86_64,$(ARCH)),-mavx512f -mavx512vl -mavx512dq -mavx512bw -mavx2 -mfma)
# Flags an ISA file needs, by the end of its name. The fast kernels are where -O3 pays.
isa = $(if $(filter %_avx2.cpp,$1),-O3 $(AVX2))$(if $(filter %_avx512.cpp,$1),-O3 $(AVX512))$(if $(filter %_neon.cpp,$1),-O3)

find = $(sort $(shell find $1 -name '$2' 2>/dev/null))
LIB_SRC := $(call find,src,*.cpp)
TOOL_SRC := $(filter-out weights_tool/main.cpp,$(call find,weights_tool,*.cpp))
TEST_SRC := $(filter-out tests/fuzz/fuzz_% tests/consume/% tests/targets/% tests/bench/%,$(call find,tests,*.cpp))

LIB_OBJ := $(LIB_SRC:%.cpp=$(BUILD)/%.o)
TOOL_OBJ := $(TOOL_SRC:%.cpp=$(BUILD)/%.o)
TEST_OBJ := $(TEST_SRC:%.cpp=$(BUILD)/%.o)

.PHONY: all
all: $(BUILD)/weights_tool

$(BUILD)/src/%.o: src/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(DEVICE) $(COMMON) $(call isa,$<) -c $< -o $@

$(BUILD)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(HOST) $(COMMON) $(call isa,$<) -DMOTE_TEST_DATA='"$(CURDIR)/tests/data"' -c $< -o $@

$(BUILD)/libmote.a: $(LIB_OBJ)
	rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

$(BUILD)/libweights.a: $(TOOL_OBJ)
	rm -f $@
	$(AR) rcs $@ $(TOOL_OBJ)

$(BUILD)/weights_tool: $(BUILD)/weights_tool/main.o $(BUILD)/libweights.a $(BUILD)/libmote.a
	$(CXX) $(HOST) $(COMMON) $^ $(LDFLAGS) -o $@

$(BUILD)/mote_tests: $(TEST_OBJ) $(BUILD)/libweights.a $(BUILD)/libmote.a
	$(CXX) $(HOST) $(COMMON) $^ $(LDFLAGS) -o $@

-include $(LIB_OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(BUILD)/weights_tool/main.d
