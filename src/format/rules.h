// Every rule a model file must keep, once: its name, the status of a file that breaks it and a sentence about the file.
// verify.h and check.h report the rule that was broken and the place; the sentences are in rules_text.cpp, which firmware
// that never prints them does not link.
#pragma once
#include <cstdint>

#include "core/status.h"

namespace mote::format {

// X(name, status, sentence)
#define MOTE_FORMAT_RULES(X)                                                                                          \
  X(kept, MOTE_OK, "no rule is broken")                                                                               \
  X(model_pointer_aligned, MOTE_E_ALIGNMENT, "the model is not at an address that is a multiple of 16")               \
  X(magic, MOTE_E_NOT_A_MODEL, "the file does not begin with \"MOTE\"")                                               \
  X(header_complete, MOTE_E_TRUNCATED, "the file ends inside its header")                                             \
  X(format_version, MOTE_E_VERSION, "the format version is not one this library reads")                               \
  X(header_reserved, MOTE_E_VERSION, "a reserved field of the header is not 0")                                       \
  X(file_bytes_limit, MOTE_E_LIMIT, "the file is larger than 2 GiB")                                                  \
  X(file_complete, MOTE_E_TRUNCATED, "the file is shorter than its header says")                                      \
  X(section_count, MOTE_E_LIMIT, "there are more than 32 sections")                                                   \
  X(section_table_fits, MOTE_E_CORRUPT, "the section table does not fit in the file")                                 \
  X(section_offset, MOTE_E_CORRUPT, "a section does not begin at a multiple of 16 behind the section table")          \
  X(section_fits, MOTE_E_CORRUPT, "a section reaches beyond the end of the file")                                     \
  X(section_overlap, MOTE_E_CORRUPT, "two sections overlap")                                                          \
  X(section_once, MOTE_E_CORRUPT, "a section occurs twice")                                                           \
  X(section_flags, MOTE_E_VERSION, "a section has flags this library does not know")                                  \
  X(section_known, MOTE_E_VERSION, "a critical section has an id or version this library does not know")              \
  X(section_required, MOTE_E_CORRUPT, "the section MODL, TENS, OPER or DATA is missing")                              \
  X(schedule_or_rows, MOTE_E_CORRUPT, "there is neither a noise schedule (SCHD) nor a table of steps (ROWS)")         \
  X(section_length, MOTE_E_CORRUPT, "the length of a section does not match what it holds")                           \
  X(picture_size, MOTE_E_CORRUPT, "the picture has no pixels or no channels")                                         \
  X(picture_limit, MOTE_E_LIMIT, "the picture is larger than 4096 x 4096, 16384 channels or 2^26 values")             \
  X(output_channels, MOTE_E_CORRUPT, "the output has neither as many channels as the picture nor twice as many")      \
  X(class_limit, MOTE_E_LIMIT, "there are more than 65536 classes")                                                   \
  X(train_steps, MOTE_E_CORRUPT, "the number of training steps is 0")                                                 \
  X(train_steps_limit, MOTE_E_LIMIT, "there are more than 16384 training steps")                                      \
  X(prediction, MOTE_E_VERSION, "the kind of prediction is not one this library knows")                               \
  X(default_steps, MOTE_E_CORRUPT, "the number of default steps is 0 or more than the training steps")                \
  X(model_flags, MOTE_E_VERSION, "the model has flags this library does not know")                                    \
  X(clip, MOTE_E_CORRUPT, "the clip value is not a positive number")                                                  \
  X(folded_rows, MOTE_E_CORRUPT, "a folded model has no table of steps (ROWS)")                                       \
  X(history_limit, MOTE_E_LIMIT, "the steps use more than 3 earlier predictions")                                     \
  X(model_reserved, MOTE_E_VERSION, "a reserved field of the model record is not 0")                                  \
  X(arena_bytes, MOTE_E_CORRUPT, "the arena is not a multiple of 16 bytes")                                           \
  X(arena_limit, MOTE_E_LIMIT, "the arena is larger than 2 GiB")                                                      \
  X(worker_scratch, MOTE_E_CORRUPT, "the scratch of a worker is not the largest that an operator needs")              \
  X(input_tensor, MOTE_E_CORRUPT, "the input tensor is not a float32 picture stored as input")                        \
  X(output_tensor, MOTE_E_CORRUPT, "the output tensor is not a float32 picture in the arena")                         \
  X(tensor_count, MOTE_E_CORRUPT, "there are no tensors")                                                             \
  X(tensor_limit, MOTE_E_LIMIT, "there are more than 8192 tensors")                                                   \
  X(tensor_dtype, MOTE_E_VERSION, "a tensor has an element type this library does not know")                          \
  X(tensor_storage, MOTE_E_VERSION, "a tensor is stored in a way this library does not know")                         \
  X(tensor_reserved, MOTE_E_VERSION, "a reserved field of a tensor is not 0")                                         \
  X(tensor_dims, MOTE_E_CORRUPT, "a tensor has a rank outside 1..4, a dimension of 0 or an unused one that is not 1") \
  X(tensor_limits, MOTE_E_LIMIT, "a tensor is larger than a limit of the format")                                     \
  X(tensor_bytes, MOTE_E_CORRUPT, "the bytes of a tensor are not its dimensions times its element size")              \
  X(tensor_offset, MOTE_E_CORRUPT, "a tensor does not begin at a multiple of 16")                                     \
  X(tensor_fits, MOTE_E_CORRUPT, "a tensor reaches beyond the arena or the section DATA")                             \
  X(tensor_shared, MOTE_E_CORRUPT, "the constants together are larger than the section DATA")                         \
  X(tensor_quant, MOTE_E_CORRUPT, "a tensor has no quantisation slot where its type needs one, or one too many")      \
  X(tensor_slot, MOTE_E_CORRUPT,                                                                                      \
    "the quantisation slot of a tensor has not the scheme, the number of values or the zero point its type needs")    \
  X(quant_slot, MOTE_E_CORRUPT, "a quantisation slot reaches beyond the values or counts them wrongly")               \
  X(quant_scheme, MOTE_E_VERSION, "a quantisation scheme is not one this library knows")                              \
  X(quant_reserved, MOTE_E_VERSION, "a reserved field of a quantisation slot is not 0")                               \
  X(quant_value, MOTE_E_CORRUPT, "a scale is outside 2^-40..2^20 or a zero point outside -128..127")                  \
  X(quant_folded, MOTE_E_CORRUPT, "a quantized model is not folded")                                                  \
  X(schedule_value, MOTE_E_CORRUPT, "a noise level is not a number from 0 to 1, or less noisy than the one before")   \
  X(row_timestep, MOTE_E_CORRUPT, "a step has a noise level out of range or above the one before")                    \
  X(row_value, MOTE_E_CORRUPT, "a step has a factor that is not finite, or bounds in the wrong order")                \
  X(row_level, MOTE_E_CORRUPT, "a step states a noise level whose signal or noise is not a number from 0 to 1024")    \
  X(row_history, MOTE_E_CORRUPT, "a step uses more earlier predictions than the model record says")                   \
  X(row_reserved, MOTE_E_VERSION, "a reserved field of a step is not 0")                                              \
  X(operator_count, MOTE_E_CORRUPT, "there are no operators")                                                         \
  X(operator_limit, MOTE_E_LIMIT, "there are more than 4096 operators")                                               \
  X(operator_known, MOTE_E_VERSION, "an operator has a kind, version or record size this library does not know")      \
  X(operator_flags, MOTE_E_VERSION, "an operator has flags or an activation this library does not know")              \
  X(operator_activation, MOTE_E_CORRUPT, "an operator has an activation it does not apply, or lacks its own")         \
  X(operator_dilation, MOTE_E_UNSUPPORTED, "a convolution has a dilation other than 1")                               \
  X(operator_types, MOTE_E_UNSUPPORTED, "an operator has element types this library has no arithmetic for")           \
  X(operator_index, MOTE_E_CORRUPT, "an operator names a tensor that does not exist")                                 \
  X(operator_operands, MOTE_E_CORRUPT, "an operator lacks a tensor it needs or has one it does not read")             \
  X(operator_storage, MOTE_E_CORRUPT, "an operator writes outside the arena or has weights that are not constants")   \
  X(operator_shapes, MOTE_E_CORRUPT, "the shapes of an operator's tensors do not fit together")                       \
  X(operator_geometry, MOTE_E_CORRUPT,                                                                                \
    "an operator has a kernel, stride, padding, factor or group count out of range")                                  \
  X(operator_number, MOTE_E_CORRUPT, "an operator's epsilon or scale is outside 2^-40..2^20")                         \
  X(operator_scratch, MOTE_E_CORRUPT, "an operator's scratch is not the size SPEC.md gives, or outside the arena")    \
  X(operator_overlap, MOTE_E_CORRUPT, "an operator writes over what it reads")                                        \
  X(operator_order, MOTE_E_CORRUPT, "a tensor is read that no operator has written, or that was overwritten")         \
  X(operator_name, MOTE_E_CORRUPT, "a name lies outside the section NAME or does not end in it")                      \
  X(operator_quant, MOTE_E_CORRUPT,                                                                                   \
    "an operator has a quantisation slot where it must have none, or none where it must")                             \
  X(operator_slots, MOTE_E_CORRUPT,                                                                                   \
    "tensors of an operator that must share a quantisation slot do not, or have one for each step where one must do") \
  X(operator_sums, MOTE_E_LIMIT, "an operator is so large that its integer sums could overflow")                      \
  X(macs_limit, MOTE_E_LIMIT, "a pass through the network has more than 2^48 multiply-accumulates")                   \
  X(checksum, MOTE_E_CHECKSUM, "the checksum of the file does not match its bytes")                                   \
  X(weight_finite, MOTE_E_CORRUPT, "a weight is not a finite number")                                                 \
  X(weight_range, MOTE_E_CORRUPT, "a weight or table of a quantized model is out of range")                           \
  X(false_proof, MOTE_E_CORRUPT, "the sums of an operator can be larger than its flags say")

enum class Rule : uint8_t {
#define MOTE_RULE_NAME(name, status, sentence) name,
  MOTE_FORMAT_RULES(MOTE_RULE_NAME)
#undef MOTE_RULE_NAME
};

// What a broken rule is about.
enum class Part : uint8_t { file, section, model, tensor, operation, quant, schedule, row };

struct Place {
  Rule rule = Rule::kept;
  Part part = Part::file;
  uint32_t index = 0;        // of the section, tensor, operator, ...
  uint32_t byte_offset = 0;  // in the file
};

Status rule_status(Rule rule);
// A sentence without its full stop. Static storage.
const char* rule_text(Rule rule);
// "file", "section", "tensor", ... Static storage.
const char* part_text(Part part);

}  // namespace mote::format
