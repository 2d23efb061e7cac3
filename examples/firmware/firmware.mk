# firmware.mk: the firmware example for each target, and the table that compares them. Included by the Makefile at the
# root; everything made for a target goes under $(BUILD)/firmware/TARGET, and the library of a target that is no
# microcontroller under $(BUILD)/TOOLCHAIN.
#
#   make cross-m4f    builds the program for a target and checks what is in it      make run-m4f    runs it
#   make targets      runs all and prints a table; fails if two draw different pictures. TARGETS='m4f wasm' picks some
#   make check-device-m4f   only the check: device code calls nothing that a device lacks
#
# What a target needs is installed if it is missing. FIRMWARE_STEPS=2 stops after two steps, for slow machines.
# FIRMWARE_DEFINES='-DMOTE_FIRMWARE_CLASS=9' and the like draw other pictures: the head of app/main.c lists them.

FIRMWARE := examples/firmware
FW := $(BUILD)/firmware
FW_CORES := m3 m4f m7 m33 m55
FW_AARCH64 := a53 a76 i8mm
FW_CROSSED := aarch64 armv7 riscv64 wasm
FW_HOSTS := x86-ref x86-avx2
FW_TARGETS := $(FW_CORES) $(FW_AARCH64) armv7 riscv64 wasm $(FW_HOSTS)
TARGETS ?= $(FW_TARGETS)
FIRMWARE_STEPS ?= 0
FIRMWARE_DEFINES ?=
# Seconds until a target that hangs is given up.
FIRMWARE_TIMEOUT ?= 900
CROSS ?= arm-none-eabi-
QEMU_ARM ?= qemu-system-arm

.PHONY: targets check-device $(foreach p,cross run check-device,$(FW_TARGETS:%=$p-%))
include $(foreach t,$(FW_CORES) $(FW_CROSSED),$(FIRMWARE)/toolchains/$t.mk)

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

# $1: a stamp that says a toolchain is there, $2: the line of shell that tests it, $3: its packages.
define fw_tools
$1:
	@mkdir -p $$(@D)
	@sh $(FIRMWARE)/toolchains/install.sh $(FW)/install.lock '$2' $3
	@echo found > $$@
endef

# Runs a program in the folder of a target, where it leaves the picture. $1: the target, $2: the command.
define fw_run
	@mkdir -p $(FW)/$1
	$$(call say,run )(cd $(FW)/$1 && timeout $(FIRMWARE_TIMEOUT) $2) < /dev/null > $$@.tmp || \
	  { cat $$@.tmp; echo 'run-$1: failed' >&2; exit 1; }
	@mv $$@.tmp $$@
endef

# ---- boards: $1 is the target ---------------------------------------------------------------------------------------

define fw_core
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

$(FW)/$1/checked.txt: $(FW)/$1/firmware.elf tests/targets/check_device.sh tests/targets/check_firmware.sh
	@sh tests/targets/check_device.sh --target $1 $(FW)/$1/libmote.a > $$@.tmp
	@sh tests/targets/check_firmware.sh --target $1 $$< $$($1_app) $(FW)/$1/libmote.a >> $$@.tmp && mv $$@.tmp $$@

# Without the chardev, console output would go to stderr.
$(FW)/$1/output.txt: $(FW)/$1/firmware.elf
$(call fw_run,$1,$(QEMU_ARM) -M $$($1_machine) -display none -monitor none -serial null -chardev stdio$(comma)id=console \
	  -semihosting-config enable=on$(comma)target=native$(comma)chardev=console -kernel firmware.elf)

cross-$1: $(FW)/$1/firmware.elf $(FW)/$1/checked.txt
	@$(CROSS)size -A $$< | awk -v target=$1 -f $(FIRMWARE)/sizes.awk
-include $$($1_obj:.o=.d) $$($1_app:.o=.d)
endef
$(foreach core,$(FW_CORES),$(eval $(call fw_core,$(core))))
$(eval $(call fw_tools,$(FW)/tools.txt,$(CROSS)g++ -x c++ -include new -fsyntax-only /dev/null && command -v $(QEMU_ARM),\
  gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-dev qemu-system-arm))

# ---- Linux and WebAssembly: $1 is the toolchain ---------------------------------------------------------------------

# A make of its own, with its own compiler: each file of an instruction set gets the flags it gets everywhere.
fw_make = $(MAKE) $(if $(V),,-s) --no-print-directory BUILD=$(BUILD)/$1 CC=$(call fw_cc,$1) CXX=$($1_prefix)$(if $(filter wasm,$1),++,g++) AR=$($1_prefix)ar \
  CFLAGS='$($1_flags)' CXXFLAGS='$($1_flags)' LDFLAGS='$($1_ldflags)' SANITIZE= FUZZER=
fw_cc = $($1_prefix)$(if $(filter wasm,$1),cc,gcc)
fw_program = $(FW)/$1/firmware.$(if $(filter wasm,$1),wasm,elf)
# Linux has memory for rearranged weights.
fw_large = $(if $(filter wasm,$1),,-DMOTE_FIRMWARE_LARGE=1)
fw_board = $(FIRMWARE)/boards/$(if $(filter wasm,$1),wasm,host)/board.c

define fw_crossed
$(call stamp,$(FW)/$1/app.txt,$(call fw_cc,$1) $($1_flags) $($1_ldflags) $(FW_C) $(call fw_large,$1))

$(BUILD)/$1/libmote.a: FORCE | $(FW)/$1/tools.txt
	+@$(call fw_make,$1) lib

$(call fw_program,$1): $(FW_APP_SRC) $(call fw_board,$1) $(wildcard $(FIRMWARE)/app/*.h) $(BUILD)/export/fashion.c \
  $(BUILD)/$1/libmote.a $(FW)/$1/app.txt
	$$(call say,cc  )$(call fw_cc,$1) $(FW_C) $(call fw_large,$1) $($1_flags) $$(filter %.c %.a,$$^) $($1_ldflags) -o $$@

$(FW)/$1/checked.txt: $(BUILD)/$1/libmote.a tests/targets/check_device.sh
	@mkdir -p $$(@D); sh tests/targets/check_device.sh --target $1 $$< > $$@.tmp && mv $$@.tmp $$@
endef

# $1: the target, $2: its toolchain.
define fw_emulated
$(FW)/$1/output.txt: $(call fw_program,$2)
$(call fw_run,$1,$($1_machine) ../$2/$(notdir $(call fw_program,$2)))
cross-$1: $(call fw_program,$2) $(FW)/$1/checked.txt
$(if $(filter $1,$2),,$(FW)/$1/checked.txt: $(FW)/$2/checked.txt
	@mkdir -p $$(@D); cp $$< $$@)
endef
$(foreach t,$(FW_CROSSED),$(eval $(call fw_crossed,$t)) $(eval $(call fw_tools,$(FW)/$t/tools.txt,\
  command -v $($t_prefix)$(if $(filter wasm,$t),++,g++) && command -v $(firstword $($(t:aarch64=a53)_machine)),$($t_packages))))
$(foreach t,$(FW_AARCH64),$(eval $(call fw_emulated,$t,aarch64)))
$(foreach t,armv7 riscv64 wasm,$(eval $(call fw_emulated,$t,$t)))

# ---- this machine: $1 is x86-KERNELS, $2 the kernels ----------------------------------------------------------------

# True if the processor has what the kernels need; RUN may name an emulator.
fw_has = $(if $(filter ref,$1),true,echo 'int main(void) { return !__builtin_cpu_supports("$1"); }' | \
  $(CC) -x c - -o $(@D)/probe && $(RUN) $(@D)/probe)

define fw_host
$(FW)/$1/firmware.elf: $(FW_APP_SRC) $(FIRMWARE)/boards/host/board.c $(wildcard $(FIRMWARE)/app/*.h) \
  $(BUILD)/export/fashion.c $(BUILD)/libmote.a $(FW)/hosts.txt
	@mkdir -p $$(@D)
	$$(call say,cc  )$(CC) $(FW_C) $(SAN) $(CFLAGS) -DMOTE_FIRMWARE_LARGE=1 -DMOTE_FIRMWARE_KERNELS='"$2"' $$(filter %.c %.a,$$^) \
	  $(if $(SANITIZE),-lstdc++) $(LDFLAGS) -o $$@

$(FW)/$1/output.txt: $(FW)/$1/firmware.elf
	$$(call say,run )if ! { $$(call fw_has,$2); }; then echo 'absent: this processor has no $2' > $$@.tmp; else \
	  (cd $(FW)/$1 && $(RUN) ./firmware.elf) > $$@.tmp || { cat $$@.tmp; echo 'run-$1: failed' >&2; exit 1; }; fi
	@mv $$@.tmp $$@

$(FW)/$1/checked.txt: $(BUILD)/libmote.a tests/targets/check_device.sh
	@mkdir -p $$(@D); sh tests/targets/check_device.sh --target x86 $$< > $$@.tmp && mv $$@.tmp $$@
cross-$1: $(FW)/$1/firmware.elf $(FW)/$1/checked.txt
endef

define fw_no_host
$(FW)/$1/output.txt $(FW)/$1/checked.txt:
	@mkdir -p $$(@D); echo 'absent: this machine is no x86' > $$@
cross-$1: $(FW)/$1/output.txt
endef
$(foreach host,$(FW_HOSTS),$(eval $(call $(if $(x86),fw_host,fw_no_host),$(host),$(host:x86-%=%))))
$(eval $(call stamp,$(FW)/hosts.txt,$(CC) $(FW_C) $(SAN) $(CFLAGS) $(LDFLAGS)))

# ---- running --------------------------------------------------------------------------------------------------------

$(FW_TARGETS:%=run-%): run-%: $(FW)/%/output.txt
	@cat $<

$(FW_TARGETS:%=check-device-%): check-device-%: $(FW)/%/checked.txt
	@sed 's/^/$*: /' $<
check-device: $(TARGETS:%=check-device-%)                  ## device code and firmware of each target: no heap, stdio, libm, ...

$(if $(filter-out $(FW_TARGETS),$(TARGETS)),$(error TARGETS: no target is called \
  $(filter-out $(FW_TARGETS),$(TARGETS)); there are $(FW_TARGETS)))
targets: $(TARGETS:%=$(FW)/%/output.txt)                   ## the firmware example on every target; fails if two pictures differ
	@for t in $(TARGETS); do \
	  { case ' $(FW_CORES) ' in *" $$t "*) $(CROSS)size -A $(FW)/$$t/firmware.elf;; esac; cat $(FW)/$$t/output.txt; } | \
	    awk -v target=$$t -v table=1 -f $(FIRMWARE)/sizes.awk || exit 1; done > $(FW)/table.txt
	@awk -f $(FIRMWARE)/compare.awk $(FW)/table.txt

include $(FIRMWARE)/counts.mk
include $(FIRMWARE)/signal.mk
