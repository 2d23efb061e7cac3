// plugin.c: a QEMU plugin that counts executed instructions between marks: exact, and the same under any load.
//
//   gcc -O2 -shared -fPIC plugin.c -o plugin.so
//   qemu-system-arm ... -plugin ./plugin.so,log=FILE,marks=0x1234+0x5678+...,stop=1,after=3
//   qemu-aarch64 -plugin ./plugin.so,log=FILE,marks=... ./static_program
//
// A mark is the address of an instruction, mostly the first of a function (bit 0 of Thumb addresses clear; no PIE). Each
// execution of mark number I, counted from 0, becomes a line "I TOTAL" of the log: instructions executed before it since
// the start. stop and after end the emulator when mark `stop` is executed for the `after`-th time, so that a long program
// need not be waited for. Without them the log is written when the program ends, with a last line "end TOTAL".
//
// The interface is version 1 of QEMU's plugins (QEMU 7.2), whose header Debian does not ship: declared here as needed.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t;
typedef void (*translated_fn)(plugin_id, struct qemu_plugin_tb*);
typedef void (*executed_fn)(unsigned cpu, void* argument);
typedef void (*exited_fn)(plugin_id, void* argument);
enum { no_registers = 0, add_u64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, translated_fn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn*, executed_fn, int registers, void* argument);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn*, int operation, void* counter, uint64_t value);
void qemu_plugin_register_atexit_cb(plugin_id, exited_fn, void* argument);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn*);

EXPORT int qemu_plugin_version = 1;

enum { max_marks = 16 };
static uint64_t marks[max_marks];
static size_t mark_count;
static size_t stop_mark = max_marks;
static uint64_t stop_after = 1, stop_seen;
static uint64_t total;
static FILE* log_file;

static void on_mark(unsigned cpu, void* argument) {
  const size_t index = (size_t)(uintptr_t)argument;
  (void)cpu;
  fprintf(log_file, "%zu %llu\n", index, (unsigned long long)total);
  if (index != stop_mark || ++stop_seen != stop_after) return;
  fclose(log_file);
  _exit(0);
}

static void on_translated(plugin_id id, struct qemu_plugin_tb* block) {
  const size_t count = qemu_plugin_tb_n_insns(block);
  (void)id;
  for (size_t i = 0; i < count; ++i) {
    struct qemu_plugin_insn* insn = qemu_plugin_tb_get_insn(block, i);
    const uint64_t address = qemu_plugin_insn_vaddr(insn);
    for (size_t k = 0; k < mark_count; ++k) {
      if (marks[k] == address) qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, no_registers, (void*)(uintptr_t)k);
    }
    qemu_plugin_register_vcpu_insn_exec_inline(insn, add_u64, &total, 1);
  }
}

static void on_exited(plugin_id id, void* argument) {
  (void)id;
  (void)argument;
  fprintf(log_file, "end %llu\n", (unsigned long long)total);
  fclose(log_file);
}

static bool read_marks(const char* text) {
  while (*text != '\0') {
    char* end;
    if (mark_count == max_marks) return false;
    marks[mark_count++] = strtoull(text, &end, 0);
    if (end == text || (*end != '+' && *end != '\0')) return false;
    text = *end == '+' ? end + 1 : end;
  }
  return true;
}

static bool read_argument(const char* text) {
  if (strncmp(text, "marks=", 6) == 0) return read_marks(text + 6);
  if (strncmp(text, "stop=", 5) == 0) return stop_mark = strtoull(text + 5, NULL, 0), true;
  if (strncmp(text, "after=", 6) == 0) return stop_after = strtoull(text + 6, NULL, 0), true;
  if (strncmp(text, "log=", 4) == 0) return (log_file = fopen(text + 4, "w")) != NULL;
  return false;
}

EXPORT int qemu_plugin_install(plugin_id id, const struct qemu_info_t* info, int count, char** arguments) {
  (void)info;
  for (int i = 0; i < count; ++i) {
    if (read_argument(arguments[i])) continue;
    fprintf(stderr, "plugin: cannot use the argument '%s'\n", arguments[i]);
    return 1;
  }
  if (log_file == NULL || mark_count == 0) {
    fprintf(stderr, "plugin: log=FILE and marks=ADDRESS+ADDRESS are needed\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translated);
  qemu_plugin_register_atexit_cb(id, on_exited, NULL);
  return 0;
}
