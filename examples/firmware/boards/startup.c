/* startup.c: from reset to main on any Cortex-M: vector table, FPU, stack painted to measure it, .data and .bss. No
 * interrupt is used, so the table ends after the core's own exceptions; no clock, cache or memory protection is set up.
 * Names such as stack_start come from cortexm.ld. */
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "startup.h"

extern uint32_t stack_start[], stack_end[];
extern unsigned char data_start[], data_end[], bss_start[], bss_end[];
extern const unsigned char data_load[];

int main(void);
void reset_handler(void);

enum { paint = 0x5A5A5A5A, margin_words = 16 };

/* Named by fault_handler's assembly. */
void report_fault(void);
__attribute__((used)) void report_fault(void) {
  board_print("board: fault\n");
  board_exit(1);
}

/* Begins a new stack: the old one may be what is at fault. */
__attribute__((naked)) static void fault_handler(void) {
  __asm__ volatile(
      "ldr r0, =stack_end\n\t"
      "mov sp, r0\n\t"
      "b report_fault");
}

typedef struct vector_table {
  uint32_t* initial_stack;
  void (*handlers[15])(void); /* reset, NMI, the faults, SVCall, debug, PendSV, SysTick */
} vector_table;

__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    stack_end,
    {reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
     fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
     fault_handler}};

/* Off at reset. Coprocessors 10 and 11 are the FPU and, where there is one, the vector unit (Armv7-M ARM, CPACR). */
static void enable_fpu(void) {
#if defined(__ARM_FP)
  volatile uint32_t* const cpacr = (volatile uint32_t*)0xE000ED88u;
  *cpacr |= (uint32_t)0xF << 20;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
}

/* The stack lies at the start of RAM, so that an overflow meets the end of memory instead of data. Armv8-M also has a
 * register for it. */
static void limit_stack(void) {
#if defined(__ARM_ARCH_8M_MAIN__) || defined(__ARM_ARCH_8_1M_MAIN__)
  __asm__ volatile("msr msplim, %0" ::"r"(stack_start));
#endif
}

/* All but what is in use, and a margin for this function. */
static void paint_stack(void) {
  volatile uint32_t* word;
  uintptr_t stack_pointer;
  __asm__ volatile("mov %0, sp" : "=r"(stack_pointer));
  for (word = stack_start; (uintptr_t)(word + margin_words) < stack_pointer; ++word) *word = paint;
}

size_t board_stack_bytes(void) { return (size_t)(stack_end - stack_start) * sizeof(uint32_t); }

size_t board_stack_used(void) {
  const volatile uint32_t* word = stack_start;
  while (word < stack_end && *word == (uint32_t)paint) ++word;
  return (size_t)(stack_end - word) * sizeof(uint32_t);
}

void reset_handler(void) {
  limit_stack();
  enable_fpu();
  paint_stack();
  memcpy(data_start, data_load, (size_t)(data_end - data_start));
  memset(bss_start, 0, (size_t)(bss_end - bss_start));
  board_exit(main());
}
