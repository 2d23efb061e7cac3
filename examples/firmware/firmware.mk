# firmware.mk: the firmware example for each board, and the table that compares them. Included by the Makefile at the
# root; everything made goes under $(BUILD)/firmware/TARGET.
#
#   make cross-m4f    builds the program for a board       make run-m4f    runs it under QEMU
#   make targets      all boards and this machine; fails if two draw different pictures
#
# FIRMWARE_STEPS=2 stops after two steps, for slow machines. FIRMWARE_DEFINES='-DMOTE_FIRMWARE_CLASS=9' and the like
# draw other pictures: the head of app/main.c lists them.

FIRMWARE := examples/firmware
FW := $(BUILD)/firmware
FW_CORES := m3 m4f m7 m33 m55
FW_HOSTS := $(if $(x86),x86-ref x86-avx2)
FW_TARGETS := $(FW_CORES) $(FW_HOSTS)
FIRMWARE_STEPS ?= 0
FIRMWARE_DEFINES ?=
# Seconds until a board that hangs is given up.
FIRMWARE_TIMEOUT ?= 900
CROSS ?= arm-none-eabi-
QEMU_ARM ?= qemu-system-arm

.PHONY: targets $(FW_CORES:%=cross-%) $(FW_TARGETS:%=run-%)

FW_WARN := -Wall -Wextra -Werror
FW_C := $(C99) $(FW_WARN) -Os -ffunction-sections -fdata-sections -Iinclude -I$(BUILD)/export -I$(FIRMWARE)/app \
  -I$(FIRMWARE)/boards -DMOTE_FIRMWARE_STEPS=$(FIRMWARE_STEPS) $(FIRMWARE_DEFINES)
FW_CXX := $(DEVICE) $(FW_WARN) -Iinclude -Isrc -ffp-contract=off
# Speed where the time goes, size elsewhere.
fw_opt = $(if $(filter src/kernels/ref/% src/kernels/cortexm/%,$1),-O2,-Os)

# Files of other instruction sets are empty here.
FW_LIB_SRC := $(filter-out src/kernels/x86/% src/kernels/arm/%,$(LIB_SRC))
FW_APP_SRC := $(wildcard $(FIRMWARE)/app/*.c)
FW_BOARD_SRC := $(FIRMWARE)/boards/startup.c $(FIRMWARE)/boards/semihosting.c

# Heap, stdio, exceptions and abort, by the names newlib, libstdc++ and libgcc give them.
fw_heap := _*(malloc|calloc|realloc|free|sbrk)(_r)?|_Z(n[wa]|d[la]).*
fw_stdio := [a-z_]*printf(_r)?|[f_]*puts(_r)?
FW_FORBIDDEN := $(fw_heap)|$(fw_stdio)|abort|raise|__cxa_.*|_Unwind_.*

# ---- boards: $1 is the target ---------------------------------------------------------------------------------------

define fw_core
include $(FIRMWARE)/toolchains/$1.mk
$1_obj := $(FW_LIB_SRC:%.cpp=$(FW)/$1/%.o)
$1_app := $(patsubst %.c,$(FW)/$1/%.o,$(FW_APP_SRC) $(FW_BOARD_SRC)) $(FW)/$1/fashion.o
$(call stamp,$(FW)/$1/flags.txt,$(CROSS) $$($1_cpu) $(FW_CXX) $(FW_LIB_SRC))
$(call stamp,$(FW)/$1/app.txt,$(CROSS) $$($1_cpu) $(FW_C) $(FW_APP_SRC))

$(FW)/$1/src/%.o: src/%.cpp $(FW)/$1/flags.txt | $(FW)/tools.txt
	@mkdir -p $$(@D)
	$$(call say,c++ )$(CROSS)g++ -mthumb $$($1_cpu) $(FW_CXX) $$(call fw_opt,$$<) $$(depend) -c $$< -o $$@

$(FW)/$1/$(FIRMWARE)/%.o: $(FIRMWARE)/%.c $(FW)/$1/app.txt $(BUILD)/export/fashion.c | $(FW)/tools.txt
	@mkdir -p $$(@D)
	$$(call say,cc  )$(CROSS)gcc -mthumb $$($1_cpu) $(FW_C) $$(depend) -c $$< -o $$@

$(FW)/$1/fashion.o: $(BUILD)/export/fashion.c $(FW)/$1/app.txt | $(FW)/tools.txt
	$$(call say,cc  )$(CROSS)gcc -mthumb $$($1_cpu) $(FW_C) -c $$< -o $$@

$(FW)/$1/libmote.a: $$($1_obj)
	$$(call say,ar  )rm -f $$@; $(CROSS)ar rcs $$@ $$($1_obj)

$(FW)/$1/firmware.elf: $$($1_app) $(FW)/$1/libmote.a $(FIRMWARE)/boards/cortexm.ld $(FIRMWARE)/boards/$1/memory.ld
	$$(call say,link)$(CROSS)gcc -mthumb $$($1_cpu) -nostartfiles --specs=nano.specs \
	  -Wl,--gc-sections,--fatal-warnings,-Map=$$(@:.elf=.map) -L$(FIRMWARE)/boards/$1 -T $(FIRMWARE)/boards/cortexm.ld \
	  $$($1_app) $(FW)/$1/libmote.a -lm -o $$@
	@! $(CROSS)nm $$@ | grep -E ' ($(FW_FORBIDDEN))$$$$' || \
	  { echo 'cross-$1: links what firmware may not have' >&2; exit 1; }

# Without the chardev, console output would go to stderr.
$(FW)/$1/output.txt: $(FW)/$1/firmware.elf
	$$(call say,run )cd $(FW)/$1 && timeout $(FIRMWARE_TIMEOUT) $(QEMU_ARM) -M $$($1_machine) -display none -monitor none \
	  -serial null -chardev stdio,id=console -semihosting-config enable=on,target=native,chardev=console \
	  -kernel firmware.elf < /dev/null > output.tmp || { cat output.tmp; echo 'run-$1: failed' >&2; exit 1; }
	@mv $(FW)/$1/output.tmp $$@

cross-$1: $(FW)/$1/firmware.elf
	@$(CROSS)size -A $$< | awk -v target=$1 -f $(FIRMWARE)/sizes.awk
-include $$($1_obj:.o=.d) $$($1_app:.o=.d)
endef
$(foreach core,$(FW_CORES),$(eval $(call fw_core,$(core))))

# ---- this machine: $1 is x86-KERNELS, $2 the kernels ----------------------------------------------------------------

define fw_host
$(FW)/$1/firmware.elf: $(FW_APP_SRC) $(FIRMWARE)/boards/host/board.c $(wildcard $(FIRMWARE)/app/*.h) \
  $(BUILD)/export/fashion.c $(BUILD)/libmote.a $(FW)/hosts.txt
	@mkdir -p $$(@D)
	$$(call say,cc  )$(CC) $(FW_C) $(SAN) $(CFLAGS) -DMOTE_FIRMWARE_KERNELS='"$2"' $$(filter %.c %.a,$$^) \
	  $(if $(SANITIZE),-lstdc++) $(LDFLAGS) -o $$@

$(FW)/$1/output.txt: $(FW)/$1/firmware.elf
	$$(call say,run )cd $(FW)/$1 && ./firmware.elf > output.tmp || { cat output.tmp; echo 'run-$1: failed' >&2; exit 1; }
	@mv $(FW)/$1/output.tmp $$@
endef
$(foreach host,$(FW_HOSTS),$(eval $(call fw_host,$(host),$(host:x86-%=%))))
$(eval $(call stamp,$(FW)/hosts.txt,$(CC) $(FW_C) $(SAN) $(CFLAGS) $(LDFLAGS)))

# ---- running --------------------------------------------------------------------------------------------------------

$(FW_TARGETS:%=run-%): run-%: $(FW)/%/output.txt
	@cat $<

targets: $(FW_TARGETS:%=$(FW)/%/output.txt)
	@for t in $(FW_TARGETS); do \
	  { case $$t in x86-*) ;; *) $(CROSS)size -A $(FW)/$$t/firmware.elf;; esac; cat $(FW)/$$t/output.txt; } | \
	    awk -v target=$$t -v table=1 -f $(FIRMWARE)/sizes.awk || exit 1; done > $(FW)/table.txt
	@awk -f $(FIRMWARE)/compare.awk $(FW)/table.txt

FW_PACKAGES := gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-dev qemu-system-arm
$(FW)/tools.txt:
	@mkdir -p $(@D)
	@have() { echo '#include <new>' | $(CROSS)g++ -x c++ -fsyntax-only - 2>/dev/null && \
	   command -v $(QEMU_ARM) > /dev/null; }; \
	 if ! have; then \
	   if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then sudo=env; \
	   elif sudo -n true 2>/dev/null; then sudo=sudo; else \
	     echo 'The boards need a compiler and an emulator: sudo apt-get install $(FW_PACKAGES)' >&2; exit 1; fi; \
	   echo 'installing $(FW_PACKAGES)'; \
	   $$sudo apt-get -q update && $$sudo DEBIAN_FRONTEND=noninteractive \
	     apt-get -qy install --no-install-recommends -o DPkg::Lock::Timeout=600 $(FW_PACKAGES) && have; fi
	@echo found > $@
