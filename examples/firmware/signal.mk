# signal.mk: the example that cleans a signal (signal/main.c), on boards and on this machine. Included by firmware.mk.
#
#   make run-signal-m4f    builds it, runs it under QEMU, prints the errors and the hash; also m3, m7, m33, m55 and host
#   make signal-targets    all of them; fails if two give different samples
#   make count-signal-m4f  instructions of one window, counted as counts.mk does

SIGNAL_MODEL := examples/models/ecg-int8.mote
SG := $(BUILD)/signal
SIGNAL_C = $(C99) $(FW_WARN) -Os -ffunction-sections -fdata-sections -Iinclude -I$(SG) -I$(FIRMWARE)/app \
  -I$(FIRMWARE)/signal -I$(FIRMWARE)/boards
SIGNAL_SRC := $(FIRMWARE)/signal/main.c $(FIRMWARE)/app/report.c
SIGNAL_DEPS = $(SG)/ecg.c $(wildcard $(FIRMWARE)/signal/*.h $(FIRMWARE)/app/*.h include/mote/*.h)

.PHONY: signal-targets $(foreach t,$(FW_CORES) host,run-signal-$t) $(FW_CORES:%=count-signal-%)

$(SG)/ecg.c: $(SIGNAL_MODEL) $(BUILD)/weights_tool
	@mkdir -p $(@D)
	$(call say,make)$(RUN) $(BUILD)/weights_tool export $< --c $(SG)/ecg --force > /dev/null

# $1: a core
define signal_core
$(SG)/$1/firmware.elf: $(SIGNAL_SRC) $$(SIGNAL_DEPS) $(FW)/$1/libmote.a $(FW_BOARD_SRC)
	@mkdir -p $$(@D)
	$$(call say,link)$(CROSS)gcc -mthumb $$($1_cpu) $$(SIGNAL_C) -nostartfiles --specs=nano.specs \
	  -Wl,--gc-sections,--fatal-warnings -L$(FIRMWARE)/boards/$1 -T $(FIRMWARE)/boards/cortexm.ld \
	  $(SIGNAL_SRC) $(FW_BOARD_SRC) $(SG)/ecg.c $(FW)/$1/libmote.a -lm -o $$@
$(SG)/$1/output.txt: $(SG)/$1/firmware.elf
	$$(call say,run )(cd $$(@D) && timeout $(FIRMWARE_TIMEOUT) $(QEMU_ARM) -M $$($1_machine) -display none -monitor none \
	  -serial null -chardev stdio$(comma)id=console \
	  -semihosting-config enable=on$(comma)target=native$(comma)chardev=console -kernel firmware.elf) \
	  < /dev/null > $$@.tmp && mv $$@.tmp $$@
run-signal-$1: $(SG)/$1/output.txt
	@cat $$<; $(CROSS)size $(SG)/$1/firmware.elf
count-signal-$1: $(SG)/$1/firmware.elf $(CT)/plugin.so
	@cd $(SG)/$1 && sh $(CURDIR)/$(MEASURE)/counts/run.sh $(CROSS)nm $(abspath $(SG)/$1/firmware.elf) \
	  $(abspath $(CT)/plugin.so) count.log count.txt 'mote_sampler_create mote_sampler_predict board_kick_watchdog' -- \
	  $(QEMU_ARM) -M $$($1_machine) -display none -monitor none -serial null -chardev stdio$(comma)id=console \
	  -semihosting-config enable=on$(comma)target=native$(comma)chardev=console
	@cat $(SG)/$1/count.log
endef
$(foreach core,$(FW_CORES),$(eval $(call signal_core,$(core))))

$(SG)/host/firmware: $(SIGNAL_SRC) $(SIGNAL_DEPS) $(FIRMWARE)/boards/host/board.c $(BUILD)/libmote.a
	@mkdir -p $(@D)
	$(call say,cc  )$(CC) $(SIGNAL_C) $(SIGNAL_SRC) $(FIRMWARE)/boards/host/board.c $(SG)/ecg.c $(BUILD)/libmote.a -o $@
$(SG)/host/output.txt: $(SG)/host/firmware
	$(call say,run )cd $(@D) && ./firmware > output.txt.tmp && mv output.txt.tmp output.txt
run-signal-host: $(SG)/host/output.txt
	@cat $<

signal-targets: $(foreach t,$(FW_CORES) host,$(SG)/$t/output.txt)  ## cleans a window of an ECG on every board
	@for t in $(FW_CORES) host; do echo "$$t $$(sed -n 's/^hash/hash/p' $(SG)/$$t/output.txt | tr '\n' ' ')"; done
	@test "$$(cat $^ | grep -c '^hash')" = 12 && test "$$(cat $^ | grep '^hash' | sort -u | wc -l)" = 2 || \
	  { echo 'signal-targets: different samples' >&2; exit 1; }
