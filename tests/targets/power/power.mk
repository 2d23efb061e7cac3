# power.mk: the firmware example interrupted and started again; run.sh says what must hold. Included after firmware.mk.
#
#   make test-power-host   as a program of this machine           make test-power-m4f   under QEMU

.PHONY: test-power-host test-power-m4f
POWER := tests/targets/power

# The programs and what is defined for each.
POWER_PROGRAMS := whole dies dies_least short short_least small untested
power_whole := -DMOTE_FIRMWARE_SUSPEND=1
power_dies := $(power_whole) -DMOTE_FIRMWARE_DIE_AT=1
power_dies_least := $(power_whole) -DMOTE_FIRMWARE_DIE_AT=3 -DMOTE_FIRMWARE_WORK=1
power_short := $(power_whole) -UMOTE_FIRMWARE_STEPS -DMOTE_FIRMWARE_STEPS=3
power_short_least := $(power_short) -DMOTE_FIRMWARE_WORK=1
power_small := '-DMOTE_FIRMWARE_ARENA=(MOTE_FASHION_BYTES - 1)'
power_untested := -DMOTE_FIRMWARE_SELF_TEST=0 -UMOTE_FIRMWARE_STEPS -DMOTE_FIRMWARE_STEPS=1

POWER_APP := $(FW_APP_SRC) $(wildcard $(FIRMWARE)/app/*.h)

# $1: the folder. The size that the small program must ask for.
define power_needed
$1/needed.txt: $(BUILD)/export/fashion.c
	@mkdir -p $$(@D); sed -n 's/^#define MOTE_FASHION_BYTES //p' $(BUILD)/export/fashion.h > $$@
endef
$(foreach t,host m4f,$(eval $(call power_needed,$(BUILD)/power/$t)))

define power_program
$(BUILD)/power/host/$1.elf: $(POWER_APP) $(FIRMWARE)/boards/host/board.c $(BUILD)/export/fashion.c $(BUILD)/libmote.a \
  $(FW)/hosts.txt $(POWER)/power.mk
	@mkdir -p $$(@D)
	$$(call say,cc  )$(CC) $(FW_C) $(SAN) $(CFLAGS) $$(power_$1) $$(filter %.c %.a,$$^) $(if $(SANITIZE),-lstdc++) \
	  -Wl,--gc-sections $(LDFLAGS) -o $$@

$(BUILD)/power/m4f/$1.elf: $(POWER_APP) $(FW_BOARD_SRC) $(FW)/m4f/fashion.o $(FW)/m4f/libmote.a $(FW)/m4f/app.txt \
  $(FIRMWARE)/boards/cortexm.ld $(FIRMWARE)/boards/m4f/memory.ld $(POWER)/power.mk
	@mkdir -p $$(@D)
	$$(call say,cc  )$(CROSS)gcc -mthumb $(m4f_cpu) $(FW_C) $$(power_$1) -nostartfiles --specs=nano.specs \
	  -Wl,--gc-sections,--fatal-warnings -L$(FIRMWARE)/boards/m4f -T $(FIRMWARE)/boards/cortexm.ld \
	  $$(filter %.c %.o %.a,$$^) -lm -o $$@
endef
$(foreach p,$(POWER_PROGRAMS),$(eval $(call power_program,$p)))

test-power-host: $(POWER_PROGRAMS:%=$(BUILD)/power/host/%.elf) $(BUILD)/power/host/needed.txt  ## the firmware example, killed and resumed, on this machine
	@sh $(POWER)/run.sh $(BUILD)/power/host env $(RUN)

test-power-m4f: $(POWER_PROGRAMS:%=$(BUILD)/power/m4f/%.elf) $(BUILD)/power/m4f/needed.txt  ## the same on a Cortex-M4 under QEMU
	@NM=$(CROSS)nm sh $(POWER)/run.sh $(BUILD)/power/m4f $(QEMU_ARM) -M $(m4f_machine) -display none -monitor none \
	  -serial null -chardev stdio,id=console -semihosting-config enable=on,target=native,chardev=console -kernel
