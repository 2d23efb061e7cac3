// Everything but the operators (verify_operators.cpp): header, sections, and the records of the model, its tensors,
// quantisation slots, schedule, steps and names. Each function reads only what the ones before it made safe.
#include "format/verify.h"

#include "core/math.h"
#include "format/verifier.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "mote: model files are read where they lie, which needs a little-endian machine"
#endif

namespace mote::format {
namespace {

struct KnownSection {
  uint32_t id;
  bool optional;  // another version of it is skipped, not refused
  bool required;
};
constexpr KnownSection known_sections[] = {
    {section_model, false, true},  {section_tensors, false, true}, {section_operators, false, true},
    {section_data, false, true},   {section_quant, false, false},  {section_schedule, false, false},
    {section_rows, false, false},  {section_names, true, false},   {section_meta, true, false},
    {section_packed, true, false},
};

const KnownSection* find_known(uint32_t id) {
  for (const KnownSection& known : known_sections) {
    if (known.id == id) return &known;
  }
  return nullptr;
}

bool overlap(const Section& a, const Section& b) {
  return a.length != 0 && b.length != 0 && a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

}  // namespace

Status Verifier::header(const void* bytes, size_t size) {
  if ((reinterpret_cast<uintptr_t>(bytes) & (alignment - 1)) != 0) return file_rule(Rule::model_pointer_aligned, 0);
  const auto* start = static_cast<const uint8_t*>(bytes);
  const uint32_t expected_magic = magic;
  const size_t readable = size < sizeof expected_magic ? size : sizeof expected_magic;
  if (memcmp(start, &expected_magic, readable) != 0) return file_rule(Rule::magic, 0);
  if (size < sizeof(Header)) return file_rule(Rule::header_complete, static_cast<uint32_t>(size));
  view.bytes = start;
  view.header = reinterpret_cast<const Header*>(start);
  const Header& h = *view.header;
  if (h.version != version || h.header_bytes != sizeof(Header)) {
    return file_rule(Rule::format_version, offsetof(Header, version));
  }
  for (uint32_t reserved : h.reserved) {
    if (reserved != 0) return file_rule(Rule::header_reserved, offsetof(Header, reserved));
  }
  if (h.file_bytes > max_file_bytes) return file_rule(Rule::file_bytes_limit, offsetof(Header, file_bytes));
  if (h.file_bytes > size) return file_rule(Rule::file_complete, static_cast<uint32_t>(size));
  if (h.section_count > max_sections) return file_rule(Rule::section_count, offsetof(Header, section_count));
  if (!checked_range(sizeof(Header), uint64_t{h.section_count} * sizeof(Section), h.file_bytes)) {
    return file_rule(Rule::section_table_fits, offsetof(Header, section_count));
  }
  return MOTE_OK;
}

Status Verifier::sections() {
  const Header& h = *view.header;
  table = {reinterpret_cast<const Section*>(view.bytes + sizeof(Header)), h.section_count};
  const uint64_t table_end = sizeof(Header) + table.count * sizeof(Section);
  for (uint32_t i = 0; i < table.count; ++i) {
    const Section& section = table[i];
    if (section.offset % alignment != 0 || section.offset < table_end) return section_rule(Rule::section_offset, i);
    if (!checked_range(section.offset, section.length, h.file_bytes)) return section_rule(Rule::section_fits, i);
    if ((section.flags & ~section_critical) != 0) return section_rule(Rule::section_flags, i);
    for (uint32_t j = 0; j < i; ++j) {
      if (table[j].id == section.id) return section_rule(Rule::section_once, i);
      if (overlap(table[j], section)) return section_rule(Rule::section_overlap, i);
    }
    const KnownSection* known = find_known(section.id);
    const bool critical = (section.flags & section_critical) != 0 || (known != nullptr && !known->optional);
    if (critical && (known == nullptr || section.version != 1)) return section_rule(Rule::section_known, i);
  }
  for (const KnownSection& known : known_sections) {
    if (known.required && find(known.id) == nullptr) return file_rule(Rule::section_required, sizeof(Header));
  }
  return MOTE_OK;
}

const Section* Verifier::find(uint32_t id) const {
  for (const Section& section : table) {
    if (section.id == id && section.version == 1) return &section;
  }
  return nullptr;
}

Status Verifier::spans() {
  const Section* section = find(section_model);
  if (section->length != sizeof(ModelRecord)) return length_rule(*section);
  view.model = reinterpret_cast<const ModelRecord*>(view.bytes + section->offset);
  MOTE_TRY(span(section_tensors, &view.tensors));
  MOTE_TRY(span(section_operators, &view.operators));
  MOTE_TRY(span(section_data, &view.data));
  MOTE_TRY(span(section_schedule, &view.alpha_bar));
  MOTE_TRY(span(section_rows, &view.rows));
  MOTE_TRY(span(section_names, &view.names));
  MOTE_TRY(span(section_meta, &view.meta));
  if (view.alpha_bar.empty() && view.rows.empty()) return file_rule(Rule::schedule_or_rows, sizeof(Header));
  if (const Section* schedule = find(section_schedule)) {
    if (view.alpha_bar.count != view.model->train_steps) return length_rule(*schedule);
  }
  if (const Section* rows = find(section_rows)) {
    if (view.rows.count != view.model->default_steps) return length_rule(*rows);
  }
  section = find(section_quant);
  return section == nullptr ? MOTE_OK : quant_spans(*section);
}

Status Verifier::quant_spans(const Section& section) {
  if (section.length < sizeof(QuantHeader)) return length_rule(section);
  const auto* header = reinterpret_cast<const QuantHeader*>(view.bytes + section.offset);
  const uint64_t slots = header->slot_count, values = header->value_count;
  if (section.length != sizeof(QuantHeader) + slots * sizeof(QuantSlot) + values * sizeof(QuantValue)) {
    return length_rule(section);
  }
  view.quant_slots = {reinterpret_cast<const QuantSlot*>(header + 1), static_cast<size_t>(slots)};
  view.quant_values = {reinterpret_cast<const QuantValue*>(view.quant_slots.end()), static_cast<size_t>(values)};
  return MOTE_OK;
}

Status Verifier::model() {
  const ModelRecord& m = *view.model;
  if (m.height == 0 || m.width == 0 || m.channels == 0) return model_rule(Rule::picture_size);
  if (m.height > max_spatial || m.width > max_spatial || m.channels > max_channels ||
      uint64_t{m.height} * m.width * m.channels > max_picture) {
    return model_rule(Rule::picture_limit);
  }
  if (m.out_channels != m.channels && m.out_channels != 2 * m.channels) return model_rule(Rule::output_channels);
  if (m.num_classes > max_classes) return model_rule(Rule::class_limit);
  if (m.train_steps == 0) return model_rule(Rule::train_steps);
  if (m.train_steps > max_train_steps) return model_rule(Rule::train_steps_limit);
  if (m.prediction > static_cast<uint32_t>(Prediction::v)) return model_rule(Rule::prediction);
  if (m.default_steps == 0 || m.default_steps > m.train_steps) return model_rule(Rule::default_steps);
  if ((m.flags & ~(model_folded | model_clip | model_rederive_epsilon)) != 0) return model_rule(Rule::model_flags);
  if ((m.flags & model_clip) != 0 && !(is_finite_f32(m.clip) && m.clip > 0)) return model_rule(Rule::clip);
  if (view.folded() && view.rows.empty()) return model_rule(Rule::folded_rows);
  if (m.history > max_history) return model_rule(Rule::history_limit);
  if (m.reserved != 0) return model_rule(Rule::model_reserved);
  if (m.arena_bytes > max_arena_bytes) return model_rule(Rule::arena_limit);
  if (m.arena_bytes % alignment != 0) return model_rule(Rule::arena_bytes);
  return MOTE_OK;
}

Rule Verifier::tensor_rule(const TensorRecord& t) const {
  const uint32_t element = dtype_bytes(static_cast<DType>(t.dtype));
  if (element == 0) return Rule::tensor_dtype;
  if (t.storage < static_cast<uint8_t>(Storage::arena) || t.storage > static_cast<uint8_t>(Storage::input)) {
    return Rule::tensor_storage;
  }
  if (t.reserved != 0) return Rule::tensor_reserved;
  if (t.rank < 1 || t.rank > max_rank) return Rule::tensor_dims;
  const bool constant = t.storage == static_cast<uint8_t>(Storage::constant);
  const bool picture = !constant && t.rank == 3;
  uint64_t elements = 1;
  for (uint32_t i = 0; i < max_rank; ++i) {
    const uint32_t dim = t.dims[i];
    if (dim == 0 || (i >= t.rank && dim != 1)) return Rule::tensor_dims;
    if (dim > (picture ? (i == 2 ? max_channels : max_spatial) : max_dim)) return Rule::tensor_limits;
    elements *= dim;  // <= 2^28 * 2^20
    if (elements > max_elements) return Rule::tensor_limits;
  }
  if (t.bytes != elements * element) return Rule::tensor_bytes;
  if (t.offset % alignment != 0) return Rule::tensor_offset;
  const uint64_t room = constant ? view.data.count : picture_or_arena_bytes(t);
  if (!checked_range(t.offset, t.bytes, room)) return Rule::tensor_fits;
  const bool quantised = t.dtype == static_cast<uint8_t>(DType::i8) || t.dtype == static_cast<uint8_t>(DType::u8) ||
                         t.dtype == static_cast<uint8_t>(DType::i16);
  if (t.quant == none ? quantised : t.quant >= view.quant_slots.count || !quantised) return Rule::tensor_quant;
  return !quantised || slot_fits(t) ? Rule::kept : Rule::tensor_slot;
}

// Weights have a value for each output channel, tables and int16 one, int8 activations one or one for each step; only
// the codes of activations, and of the tables that make them, have a zero point. Looks at no more values than the tensor
// has bytes.
bool Verifier::slot_fits(const TensorRecord& t) const {
  const QuantSlot& slot = view.quant_slots[t.quant];
  const bool codes = t.dtype == static_cast<uint8_t>(DType::i8), weights = view.is_weights(t);
  const bool per_step = slot.scheme == quant_per_step;
  if (per_step && (!codes || t.storage != static_cast<uint8_t>(Storage::arena))) return false;
  if (!per_step && slot.count != (weights ? t.dims[0] : 1)) return false;
  if (codes && !weights) return true;
  for (uint32_t i = 0; i < slot.count; ++i) {
    if (view.quant_values[slot.first + i].zero_point != 0) return false;
  }
  return true;
}

uint64_t Verifier::picture_or_arena_bytes(const TensorRecord& t) const {
  if (t.storage == static_cast<uint8_t>(Storage::arena)) return view.model->arena_bytes;
  return uint64_t{view.picture_elements()} * sizeof(float);
}

bool Verifier::is_picture(const TensorRecord& t, Storage storage, uint32_t channels) const {
  return t.storage == static_cast<uint8_t>(storage) && t.dtype == static_cast<uint8_t>(DType::f32) && t.rank == 3 &&
         t.dims[0] == view.model->height && t.dims[1] == view.model->width && t.dims[2] == channels;
}

Status Verifier::tensors() {
  const ModelRecord& m = *view.model;
  if (view.tensors.empty()) return file_rule(Rule::tensor_count, sizeof(Header));
  if (view.tensors.count > max_tensors) return file_rule(Rule::tensor_limit, sizeof(Header));
  uint64_t parameters = 0, constant_bytes = 0;
  for (uint32_t i = 0; i < view.tensors.count; ++i) {
    const TensorRecord& t = view.tensors[i];
    const Rule broken = tensor_rule(t);
    if (broken != Rule::kept) return fail(broken, Part::tensor, i, &t);
    const bool input = t.storage == static_cast<uint8_t>(Storage::input);
    if (input && !is_picture(t, Storage::input, m.channels)) return fail(Rule::input_tensor, Part::tensor, i, &t);
    if (t.storage == static_cast<uint8_t>(Storage::constant)) {
      parameters += t.bytes / dtype_bytes(static_cast<DType>(t.dtype));
      constant_bytes += t.bytes;
      if (constant_bytes > view.data.count) return fail(Rule::tensor_shared, Part::tensor, i, &t);
    }
  }
  view.parameters = static_cast<uint32_t>(parameters);
  if (m.input_tensor >= view.tensors.count || !is_picture(view.tensors[m.input_tensor], Storage::input, m.channels)) {
    return model_rule(Rule::input_tensor);
  }
  if (m.output_tensor >= view.tensors.count ||
      !is_picture(view.tensors[m.output_tensor], Storage::arena, m.out_channels)) {
    return model_rule(Rule::output_tensor);
  }
  return MOTE_OK;
}

Status Verifier::quantisation() {
  for (uint32_t i = 0; i < view.quant_slots.count; ++i) {
    const QuantSlot& slot = view.quant_slots[i];
    if (slot.scheme != quant_shared && slot.scheme != quant_per_step) {
      return fail(Rule::quant_scheme, Part::quant, i, &slot);
    }
    for (uint8_t reserved : slot.reserved) {
      if (reserved != 0) return fail(Rule::quant_reserved, Part::quant, i, &slot);
    }
    if (!checked_range(slot.first, slot.count, view.quant_values.count) || slot.count == 0 ||
        (slot.scheme == quant_per_step && slot.count != view.model->default_steps)) {
      return fail(Rule::quant_slot, Part::quant, i, &slot);
    }
  }
  for (const QuantValue& value : view.quant_values) {
    if (!is_finite_f32(value.scale) || value.scale < min_scale || value.scale > max_scale || value.zero_point < -128 ||
        value.zero_point > 127) {
      return fail(Rule::quant_value, Part::quant, static_cast<uint32_t>(&value - view.quant_values.data), &value);
    }
  }
  return view.quantized() && !view.folded() ? model_rule(Rule::quant_folded) : MOTE_OK;
}

Status Verifier::schedule() {
  // A negative entry is -(1 - alpha_bar); both forms must fall, or stay, from entry to entry.
  float last_alpha_bar = 1.0f, last_rest = 0.0f;
  for (const float& entry : view.alpha_bar) {
    const bool is_rest = entry < 0.0f;
    const float alpha_bar = is_rest ? 1.0f + entry : entry;
    const float rest = is_rest ? -entry : 1.0f - entry;
    if (!is_finite_f32(entry) || entry < -1.0f || entry > 1.0f || alpha_bar > last_alpha_bar || rest < last_rest) {
      return fail(Rule::schedule_value, Part::schedule, static_cast<uint32_t>(&entry - view.alpha_bar.data), &entry);
    }
    last_alpha_bar = alpha_bar;
    last_rest = rest;
  }
  return MOTE_OK;
}

Status Verifier::rows() {
  int64_t last = int64_t{view.model->train_steps} - 1;
  float last_fraction = 1.0f;
  for (uint32_t i = 0; i < view.rows.count; ++i) {
    const RowRecord& row = view.rows[i];
    // Written so that NaN fails. A level may be visited more than once (methods with several evaluations a step).
    if (row.timestep < 0 || row.timestep > last || !(row.fraction >= 0.0f && row.fraction < 1.0f) ||
        (row.timestep == last && row.fraction > last_fraction)) {
      return fail(Rule::row_timestep, Part::row, i, &row);
    }
    last = row.timestep;
    last_fraction = row.fraction;
    const float factors[] = {row.a, row.b, row.A, row.B, row.C, row.D, row.clip_lo, row.clip_hi};
    for (float factor : factors) {
      if (!is_finite_f32(factor)) return fail(Rule::row_value, Part::row, i, &row);
    }
    if (row.clip_lo > row.clip_hi) return fail(Rule::row_value, Part::row, i, &row);
    for (uint32_t k = 0; k < max_history; ++k) {
      if (!is_finite_f32(row.H[k])) return fail(Rule::row_value, Part::row, i, &row);
      if (k >= view.model->history && row.H[k] != 0.0f) return fail(Rule::row_history, Part::row, i, &row);
    }
    if (!(row.signal >= 0.0f && row.signal <= max_row_level && row.noise >= 0.0f && row.noise <= max_row_level)) {
      return fail(Rule::row_level, Part::row, i, &row);
    }
    if (row.reserved != 0) return fail(Rule::row_reserved, Part::row, i, &row);
  }
  return MOTE_OK;
}

Status verify(const void* bytes, size_t size, View* view, Place* place) {
  Verifier verifier;
  verifier.place = place;
  MOTE_TRY(verifier.header(bytes, size));
  MOTE_TRY(verifier.sections());
  MOTE_TRY(verifier.spans());
  MOTE_TRY(verifier.model());
  MOTE_TRY(verifier.quantisation());
  MOTE_TRY(verifier.tensors());
  MOTE_TRY(verifier.schedule());
  MOTE_TRY(verifier.rows());
  MOTE_TRY(verifier.operators());
  *view = verifier.view;
  return MOTE_OK;
}

}  // namespace mote::format
