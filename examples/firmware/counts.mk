# counts.mk: what the model costs on each target, measured and kept: bytes, stack, instructions. Included by firmware.mk.
# The tables are tests/targets/footprint.csv and counts.csv, explained in tests/targets/README.md.
#
#   make footprint          bytes of code, constants, RAM and stack of each core, compared with footprint.csv
#   make stack-m4f          the most stack a call can need, from the compiler's call graph, beside what was in use
#   make counts             instructions of every target, compared with counts.csv
#   make count-m4f          those of one target: each operator of a step of the shipped model
#   make count-layers-m4f   and single kernel calls on layers of fixed shape
#   make counts footprint ACCEPT=1     records both tables anew, and what `inspect --target` predicts from
#   make boards-table       the tables of examples/firmware/BOARDS.md, which those two put there

COUNT_USERS := a53 a76 i8mm armv7 riscv64
COUNT_TARGETS := $(FW_CORES) $(COUNT_USERS)
# Multiply-accumulates of a bounded run, as the application's head says.
COUNT_WORK := 100000
ACCEPT ?=
HOST_CC ?= cc
MEASURE := tests/targets
CT := $(BUILD)/counts

.PHONY: footprint counts boards-table check-stack check-compare
.PHONY: $(foreach t,$(COUNT_TARGETS),count-$t count-layers-$t) $(FW_CORES:%=stack-%)

a53_family := aarch64
a76_family := aarch64
i8mm_family := aarch64
armv7_family := armv7
riscv64_family := riscv64

# GCC notes beside each object of the boards what each function calls, and what stack it needs.
stack_flags := -fstack-usage -fcallgraph-info=su
$(foreach core,$(FW_CORES),$(FW)/$(core)/src/%.o $(FW)/$(core)/$(FIRMWARE)/%.o): depend = -MMD -MP -MF $(@:.o=.d) $(stack_flags)
$(eval $(call stamp,$(CT)/stack_flags.txt,$(stack_flags)))
$(foreach core,$(FW_CORES),$($(core)_obj) $(filter-out %/fashion.o,$($(core)_app))): $(CT)/stack_flags.txt

$(CT)/plugin.so: $(MEASURE)/counts/plugin.c
	@mkdir -p $(@D)
	$(call say,cc  )$(HOST_CC) -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden $< -o $@

$(CT)/bands: $(OBJ)/tests/targets/counts/bands.o $(LIBS)
	@mkdir -p $(@D)
	$(call say,link)$(link)
$(CT)/bands.txt: $(CT)/bands $(MODEL)
	@$(CT)/bands $(MODEL) $(COUNT_WORK) > $@
-include $(OBJ)/tests/targets/counts/bands.d

# ---- the programs that are counted ----------------------------------------------------------------------------------
# The application with the operators that `weights_tool export` names, or with all there are; on boards without the
# self-test. And layers.cpp.

COUNT_C = $(C99) $(FW_WARN) -Os -ffunction-sections -fdata-sections -Iinclude -I$(BUILD)/export -I$(FIRMWARE)/app \
  -I$(FIRMWARE)/boards -DMOTE_FIRMWARE_SELF_TEST=0 -DMOTE_FIRMWARE_WORK=$(COUNT_WORK)
LAYERS_CXX = -std=c++17 -fno-exceptions -fno-rtti -fno-threadsafe-statics -Os $(FW_WARN) -Iinclude -Isrc \
  -I$(FIRMWARE)/app -ffp-contract=off -ffunction-sections -fdata-sections
m3_layers := -DLAYERS_WORKSPACE=16384
$(eval $(call stamp,$(CT)/flags.txt,$(CROSS) $(COUNT_C) $(LAYERS_CXX) $(stack_flags)))
COUNT_HEADERS := $(CT)/flags.txt $(wildcard $(FIRMWARE)/app/*.h $(FIRMWARE)/boards/*.h include/mote/*.h)

# $1: a core
define count_core
$(CT)/$1/model/%.o: $(FIRMWARE)/%.c $(BUILD)/export/fashion.c $(COUNT_HEADERS) $(FW)/$1/flags.txt | $(FW)/tools.txt
	@mkdir -p $$(@D)
	$$(call say,cc  )$(CROSS)gcc -mthumb $$($1_cpu) $(COUNT_C) $(stack_flags) -c $$< -o $$@
$(CT)/$1/all/app/main.o: $(FIRMWARE)/app/main.c $(BUILD)/export/fashion.c $(COUNT_HEADERS) $(FW)/$1/flags.txt
	@mkdir -p $$(@D)
	$$(call say,cc  )$(CROSS)gcc -mthumb $$($1_cpu) $(COUNT_C) -Dmote_fashion_operators=mote_all_operators \
	  $(stack_flags) -c $$< -o $$@

$1_count_board := $(FW_BOARD_SRC:$(FIRMWARE)/%.c=$(CT)/$1/model/%.o)
$1_count_app := $(FW_APP_SRC:$(FIRMWARE)/%.c=$(CT)/$1/model/%.o)
$1_count_parts := $(FW)/$1/fashion.o $(FW)/$1/libmote.a $(FIRMWARE)/boards/cortexm.ld $(FIRMWARE)/boards/$1/memory.ld
count_link_$1 = $(CROSS)gcc -mthumb $$($1_cpu) -nostartfiles --specs=nano.specs \
  -Wl,--gc-sections,--fatal-warnings,-Map=$$(@:.elf=.map) -L$(FIRMWARE)/boards/$1 -T $(FIRMWARE)/boards/cortexm.ld \
  $$(filter %.o,$$^) $$(filter %.a,$$^) -lm -o $$@
$(CT)/$1/model.elf: $$($1_count_board) $$($1_count_app) $$($1_count_parts)
	$$(call say,link)$$(count_link_$1)
$(CT)/$1/all.elf: $$($1_count_board) $(CT)/$1/all/app/main.o $$(filter-out %/main.o,$$($1_count_app)) $$($1_count_parts)
	$$(call say,link)$$(count_link_$1)
$(CT)/$1/layers.o: $(MEASURE)/counts/layers.cpp $(FW)/$1/libmote.a
	@mkdir -p $$(@D)
	$$(call say,c++ )$(CROSS)g++ -mthumb $$($1_cpu) $(LAYERS_CXX) $$($1_layers) -c $$< -o $$@
$(CT)/$1/layers.elf: $(CT)/$1/layers.o $$($1_count_board) $(CT)/$1/model/app/report.o $$($1_count_parts)
	$$(call say,link)$$(count_link_$1)

endef
$(foreach core,$(FW_CORES),$(eval $(call count_core,$(core))))

# $1: a toolchain of Linux targets; its library is built by firmware.mk
define count_family
$1_count_c := $(FW_APP_SRC) $(FIRMWARE)/boards/host/board.c $(BUILD)/export/fashion.c
$(CT)/$1/model.elf: $$($1_count_c) $(COUNT_HEADERS) $(BUILD)/$1/libmote.a
	@mkdir -p $$(@D)
	$$(call say,link)$($1_prefix)gcc $(COUNT_C) -DMOTE_FIRMWARE_LARGE=1 $($1_flags) $($1_ldflags) $$($1_count_c) $(BUILD)/$1/libmote.a -o $$@
$(CT)/$1/layers.elf: $(MEASURE)/counts/layers.cpp $(FIRMWARE)/boards/host/board.c $(COUNT_HEADERS) $(BUILD)/$1/libmote.a
	@mkdir -p $$(@D)
	$$(call say,link)$($1_prefix)gcc $(COUNT_C) $($1_flags) -r -nostdlib -Wl,--no-gc-sections \
	  $(FIRMWARE)/boards/host/board.c $(FIRMWARE)/app/report.c -o $$(@D)/board.o
	@$($1_prefix)g++ $($1_flags) $(LAYERS_CXX) $($1_ldflags) $$< $$(@D)/board.o $(BUILD)/$1/libmote.a -o $$@
endef
$(foreach family,aarch64 armv7 riscv64,$(eval $(call count_family,$(family))))

# ---- counting -------------------------------------------------------------------------------------------------------

count_marks := mote_open mote_check mote_sampler_create mote_sampler_run _ZN4mote6Runner7run_jobEPv.* \
  _ZN4mote14sampler_updateE.* board_kick_watchdog

# $1: a target, $2: its folder of programs, $3: nm and the emulator. One step only: the kick after its last run ends it.
define count_target
$(CT)/$1/step.log: $(CT)/$2/model.elf $(CT)/plugin.so $(CT)/bands.txt
	@mkdir -p $$(@D)
	$$(call say,run )cd $$(@D) && sh $(CURDIR)/$(MEASURE)/counts/run.sh $(firstword $3) $(abspath $(CT)/$2/model.elf) \
	  $(abspath $(CT)/plugin.so) step.log step.txt '$(count_marks)' \
	  stop=6,after=$$$$(sed -n 's/^runs \([0-9]*\).*/\1/p' $(abspath $(CT)/bands.txt)) -- $(wordlist 2,99,$3)
$(CT)/$1/layers.txt: $(CT)/$2/layers.elf $(CT)/plugin.so
	@mkdir -p $$(@D)
	$$(call say,run )sh $(MEASURE)/counts/run.sh $(firstword $3) $$< $(CT)/plugin.so $$(@D)/layers.log $$@ layer_mark -- \
	  $(wordlist 2,99,$3)
$(CT)/$1/layers.csv: $(CT)/$1/layers.txt $(MEASURE)/counts/layers.awk
	@awk -v target=$1 -f $(MEASURE)/counts/layers.awk $(CT)/$1/layers.log $$< > $$@
$(CT)/$1/step.csv: $(CT)/$1/step.log $(CT)/$1/layers.txt $(MEASURE)/counts/count.awk
	@awk -v target=$1 -v kernels=$$$$(sed -n 's/^kernels //p' $(CT)/$1/layers.txt) -v bytes=$$$$(wc -c < $(MODEL)) \
	  -f $(MEASURE)/counts/count.awk $(CT)/bands.txt $$< > $$@

count-$1: $(CT)/$1/step.csv
	@awk -v tables=operator,start,whole -f $(MEASURE)/counts/show.awk $$<
	@$$(call count_check,$1,.(class|layer).,$$<)
count-layers-$1: $(CT)/$1/layers.csv
	@awk -v tables=layer -f $(MEASURE)/counts/show.awk $$<
	@$$(call count_check,$1,.(class|operator|whole|start).,$$<)
endef
count_check = awk -v keys=5 -v what=counts -v only=$1 -v skip='$2' -f $(MEASURE)/compare.awk $(MEASURE)/counts.csv $3
$(foreach t,$(FW_CORES),$(eval $(call count_target,$t,$t,$(CROSS)nm $(QEMU_ARM) -M $($t_machine) -display none \
  -monitor none -serial null -chardev stdio$(comma)id=console \
  -semihosting-config enable=on$(comma)target=native$(comma)chardev=console)))
$(foreach t,$(COUNT_USERS),$(eval $(call count_target,$t,$($t_family),$($($t_family)_prefix)nm $($t_machine))))

$(CT)/counts.csv: $(foreach t,$(COUNT_TARGETS),$(CT)/$t/step.csv $(CT)/$t/layers.csv)
	@{ echo target,table,name,kind,unit,count,instructions,per_unit,per_output,per_weight; cat $^; } > $@
TARGET_COSTS := weights_tool/commands/target_costs.h
counts: $(CT)/counts.csv                                   ## instructions of a step on every target against counts.csv; ACCEPT=1
	$(if $(ACCEPT),@cp $< $(MEASURE)/counts.csv && awk -f $(MEASURE)/counts/costs.awk $< > $(CT)/costs.h && \
	  mv $(CT)/costs.h $(TARGET_COSTS) && $(boards_write) && echo 'counts: recorded',@awk -v keys=5 -v what=counts -v skip=',class,' \
	  -f $(MEASURE)/compare.awk $(MEASURE)/counts.csv $<)

# The comparison itself: 2 % pass, 3 % fail and are named; so does a row that is gone.
compare_old := core,build,code\nm4f,model,1000\nm7,model,500\n
check-compare:
	@mkdir -p $(CT); printf '$(compare_old)' > $(CT)/old.csv
	@try() { printf 'core,build,code\n'"$$1" > $(CT)/new.csv; awk -v keys=2 -v what=footprint -f $(MEASURE)/compare.awk \
	    $(CT)/old.csv $(CT)/new.csv 2>&1; }; \
	  try 'm4f,model,1020\nm7,model,500\n' > $(CT)/compare.txt && \
	  ! try 'm4f,model,970\nm7,model,500\n' > $(CT)/compare.txt && \
	  grep -q 'm4f,model: code was 1000, is 970 (-3.0 %)' $(CT)/compare.txt && grep -q 'ACCEPT=1' $(CT)/compare.txt && \
	  ! try 'm4f,model,1000\n' > $(CT)/compare.txt && grep -q m7 $(CT)/compare.txt || \
	  { echo 'check-compare: compare.awk lets something pass, or does not say what' >&2; exit 1; }
	@echo 'check-compare: 3 % are refused, by name'

# ---- bytes ----------------------------------------------------------------------------------------------------------

$(CT)/stack_bound: $(MEASURE)/stack/stack_bound.cpp
	@mkdir -p $(@D)
	$(call say,c++ )$(CXX) -std=c++17 -O1 -Wall -Wextra $< -o $@

# The analysis itself: it finds the bound of a plain call graph, and refuses recursion and variable arrays.
FIXTURES := $(CT)/fixtures
$(FIXTURES)/%.o: $(MEASURE)/stack/fixtures/%.c | $(FW)/tools.txt
	@mkdir -p $(@D)
	@$(CROSS)gcc -mthumb $(m4f_cpu) -Os -fno-inline $(FW_WARN) $(stack_flags) -c $< -o $@
check-stack: $(CT)/stack_bound $(FIXTURES)/plain.o $(FIXTURES)/recursion.o $(FIXTURES)/variable_array.o
	@$< outer -- $(FIXTURES)/plain.ci | grep -qx 'outer 328' || { echo 'check-stack: plain.c needs 328 bytes' >&2; exit 1; }
	@! $< outer -- $(FIXTURES)/recursion.ci > $(FIXTURES)/out.txt 2>&1 && grep -q recursion: $(FIXTURES)/out.txt || \
	  { echo 'check-stack: recursion.c is not refused' >&2; exit 1; }
	@! $< outer -- $(FIXTURES)/variable_array.ci > $(FIXTURES)/out.txt 2>&1 && grep -q 'not known' $(FIXTURES)/out.txt || \
	  { echo 'check-stack: variable_array.c is not refused' >&2; exit 1; }
	@echo 'check-stack: recursion and variable arrays are refused'

# $1: a core, $2: the program: model, all, or firmware with everything; $3: the ELF, $4: folders of its application's objects
define stack_of
$(CT)/$1/$2-stack.txt: $3 $(CT)/stack_bound | check-stack
	@mkdir -p $$(@D); $(CROSS)objdump -d --no-show-raw-insn $$< > $(CT)/$1/$2-code.txt
	@find $(FW)/$1/src -name '*.o' | xargs $(CROSS)objdump -r > $(CT)/$1/$2-relocations.txt
	@$(CT)/stack_bound --map $$(<:.elf=.map) --disassembly $(CT)/$1/$2-code.txt \
	  --relocations $(CT)/$1/$2-relocations.txt reset_handler 'mote_*' -- $$$$(find $(FW)/$1/src $4 -name '*.ci') > $$@.tmp || \
	  { echo 'stack-$1: no bound for the program $2' >&2; exit 1; }
	@mv $$@.tmp $$@
endef
$(foreach core,$(FW_CORES),$(eval $(call stack_of,$(core),firmware,$(FW)/$(core)/firmware.elf,$(FW)/$(core)/$(FIRMWARE))) \
  $(eval $(call stack_of,$(core),model,$(CT)/$(core)/model.elf,$(CT)/$(core)/model)) \
  $(eval $(call stack_of,$(core),all,$(CT)/$(core)/all.elf,$(CT)/$(core)/all $(CT)/$(core)/model ! -path '*/model/app/main.ci')))

# $1: a core, $2: the build: model or all
define footprint_build
$(CT)/$1/$2-footprint.csv: $(CT)/$1/$2.elf $(CT)/$1/$2-stack.txt $(MEASURE)/footprint.awk
	@$(CROSS)size -A $$< > $(CT)/$1/$2-sizes.txt
	@awk -v core=$1 -v build=$2 -v arena=$$$$(awk '$$$$2 == "MOTE_FASHION_BYTES" { print $$$$3 }' $(BUILD)/export/fashion.h) \
	  -f $(MEASURE)/footprint.awk $(CT)/$1/$2-sizes.txt $$(<:.elf=.map) $(CT)/$1/$2-stack.txt > $$@
endef
$(foreach core,$(FW_CORES),$(foreach b,model all,$(eval $(call footprint_build,$(core),$b))))

$(CT)/footprint.csv: $(foreach core,$(FW_CORES),$(CT)/$(core)/model-footprint.csv $(CT)/$(core)/all-footprint.csv)
	@{ echo core,build,code,code_mote,constants,ram,stack,stack_bound,arena; cat $^; } > $@
footprint: $(CT)/footprint.csv                             ## bytes of every core against footprint.csv; ACCEPT=1 records
footprint: | check-compare $(if $(ACCEPT),$(filter counts,$(MAKECMDGOALS)))
	@tr , '\t' < $< | expand -t 12
	@awk -F, 'NR > 1 && $$8 > $$7 { print "footprint: " $$1 " " $$2 ": may need " $$8 " bytes of stack, has " $$7; bad = 1 } \
	  END { exit bad }' $< >&2
	$(if $(ACCEPT),@cp $< $(MEASURE)/footprint.csv && $(boards_write) && echo 'footprint: recorded',@awk -v keys=2 -v what=footprint \
	  -f $(MEASURE)/compare.awk $(MEASURE)/footprint.csv $<)

# Of the example as it is, self-test included; beside it what was in use in a whole run.
$(FW_CORES:%=stack-%): stack-%: $(CT)/%/firmware-stack.txt $(FW)/%/output.txt
	@awk -v target=$* -f $(MEASURE)/stack/report.awk $^

# ---- the document ---------------------------------------------------------------------------------------------------

boards_awk = awk -v steps=$$(sed -n 's/.* \([0-9]*\) steps\. .*/\1/p' $(BUILD)/export/fashion.h) -f $(MEASURE)/boards.awk \
  weights_tool/commands/inspect_cost.cpp $(MEASURE)/counts.csv $(MEASURE)/footprint.csv
boards_write = $(boards_awk) > $(CT)/boards.md && awk -f $(MEASURE)/insert.awk $(CT)/boards.md $(FIRMWARE)/BOARDS.md \
  > $(CT)/BOARDS.md && mv $(CT)/BOARDS.md $(FIRMWARE)/BOARDS.md
boards-table: $(BUILD)/export/fashion.c                    ## the tables of examples/firmware/BOARDS.md
	@mkdir -p $(CT); $(if $(ACCEPT),$(boards_write),$(boards_awk))
