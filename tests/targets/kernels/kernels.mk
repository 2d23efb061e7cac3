# kernels.mk: the int8 kernels compared with ref on the boards of firmware.mk, which is included before, under QEMU and
# within the memory of the same parts. Everything made goes under $(BUILD)/board-test/TARGET.
#
#   make test-kernels-m55     also -m3, -m4f, -m7, -m33, and -host: this machine
#   BOARD_TEST_DEFINES=-DMOTE_BOARD_TEST_SEED=7    other problems

BT_DIR := tests/targets/kernels
BT := $(BUILD)/board-test
BOARD_TEST_DEFINES ?=
BT_SRC := $(wildcard $(BT_DIR)/*.cpp src/kernels/ref/*_s8_ref.cpp src/kernels/cortexm/*.cpp src/kernels/tables/*_s8.cpp \
  src/kernels/tables/*_s16.cpp) src/kernels/select.cpp src/kernels/constants_s8.cpp src/core/math.cpp
BT_BOARD := $(FW_BOARD_SRC) $(FIRMWARE)/app/report.c
BT_INCLUDES := -Iinclude -Isrc -I$(BT_DIR) -I$(FIRMWARE)/app -I$(FIRMWARE)/boards
BT_CXX := $(DEVICE) $(FW_WARN) -O2 -ffp-contract=off -DMOTE_ALL_KERNEL_SETS $(BT_INCLUDES) $(BOARD_TEST_DEFINES)
BT_C := $(C99) $(FW_WARN) -Os $(BT_INCLUDES)

.PHONY: $(FW_CORES:%=test-kernels-%) test-kernels-host

# $1: the target.
define board_test
$1_bt := $(BT_SRC:%.cpp=$(BT)/$1/%.o) $(BT_BOARD:%.c=$(BT)/$1/%.o)
$(call stamp,$(BT)/$1/flags.txt,$(CROSS) $$($1_cpu) $(BT_CXX) $(BT_C) $(BT_SRC))

$(BT)/$1/%.o: %.cpp $(BT)/$1/flags.txt | $(FW)/tools.txt
	@mkdir -p $$(@D)
	$$(call say,c++ )$(CROSS)g++ -mthumb $$($1_cpu) $(BT_CXX) $$(depend) -c $$< -o $$@

$(BT)/$1/%.o: %.c $(BT)/$1/flags.txt | $(FW)/tools.txt
	@mkdir -p $$(@D)
	$$(call say,cc  )$(CROSS)gcc -mthumb $$($1_cpu) $(BT_C) $$(depend) -c $$< -o $$@

$(BT)/$1/kernels.elf: $$($1_bt) $(FIRMWARE)/boards/cortexm.ld $(FIRMWARE)/boards/$1/memory.ld
	$$(call say,link)$(CROSS)gcc -mthumb $$($1_cpu) -nostartfiles --specs=nano.specs -Wl,--gc-sections \
	  -L$(FIRMWARE)/boards/$1 -T $(FIRMWARE)/boards/cortexm.ld $$($1_bt) -lm -o $$@

test-kernels-$1: $(BT)/$1/kernels.elf
	timeout $(FIRMWARE_TIMEOUT) $(QEMU_ARM) -M $$($1_machine) -display none -monitor none -serial null \
	  -chardev stdio,id=console -semihosting-config enable=on,target=native,chardev=console -kernel $$< < /dev/null
-include $$($1_bt:.o=.d)
endef
$(foreach core,$(FW_CORES),$(eval $(call board_test,$(core))))

$(BT)/host/kernels: $(call find,$(BT_DIR),*.cpp) $(FIRMWARE)/boards/host/board.c $(FIRMWARE)/app/report.c \
  $(BT_DIR)/harness.h $(BUILD)/libmote.a
	@mkdir -p $(@D)
	@$(CC) $(BT_C) $(CFLAGS) -c $(FIRMWARE)/boards/host/board.c -o $(@D)/board.o
	@$(CC) $(BT_C) $(CFLAGS) -c $(FIRMWARE)/app/report.c -o $(@D)/report.o
	$(call say,link)$(CXX) $(HOST) $(FW_WARN) -O2 -ffp-contract=off $(SAN) $(BT_INCLUDES) $(BOARD_TEST_DEFINES) $(CXXFLAGS) \
	  $(filter $(BT_DIR)/%.cpp,$^) $(@D)/board.o $(@D)/report.o $(BUILD)/libmote.a $(LDFLAGS) -o $@

test-kernels-host: $(BT)/host/kernels
	$(RUN) $<
