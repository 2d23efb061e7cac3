// Attention over quantized tensors in AVX2: blocks of four queries pass over the keys together, two keys at a time, and
// over the values with two tokens in each multiply-add. Nothing but the kernel leaves this file.
//
// The zero point is taken off the queries only: what it would take off the keys is the same for every key of a query
// and falls out of max - score; of the values it is taken off their sum. All of it is exact modulo 2^32.
// Scratch: for each query `tokens` int32 scores, which the probabilities (uint16, an even number of them, the last
// perhaps a zero) overwrite from the front.
#if defined(__x86_64__)
#include "kernels/kernels_s8.h"
#include "kernels/x86/bytes_avx2.h"
#include "kernels/x86/x86_s8.h"

namespace mote {
namespace {

constexpr int most_dims = 256;  // of a head, whose queries are kept as int16 at once

struct Queries {
  alignas(32) int16_t q[attention_block][most_dims];
};

// Where the keys or values of one head lie.
struct Rows {
  const int8_t* first;
  ptrdiff_t pitch;
  const int8_t* end;  // of the tensor
};

// `dims` elements, less the zero point, then zeros up to a multiple of 16.
void widen_query(const int8_t* x, int dims, int32_t zero, int16_t* q) {
  const __m256i offset = _mm256_set1_epi16(static_cast<short>(zero));
  int d = 0;
  for (; d + 16 <= dims; d += 16) store_256(q + d, _mm256_sub_epi16(load_16_as_i16(x + d), offset));
  for (; d < dims; ++d) q[d] = static_cast<int16_t>(x[d] - zero);
  for (; d % 16 != 0; ++d) q[d] = 0;
}

MOTE_INLINE int32_t sum_of(__m256i v) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}
// The sums over the lanes of a, b, c, d.
MOTE_INLINE __m128i sums_of(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i v = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

template <bool ADD>
MOTE_INLINE void put_four(int32_t* scores, __m128i four) {
  store_128(scores, ADD ? _mm_add_epi32(four, load_128(scores)) : four);
}

template <int R, int KEYS>
MOTE_INLINE void add_products(__m256i (&acc)[R][KEYS], const Queries& queries, int d, const __m256i (&k)[KEYS]) {
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const __m256i q = load_256(queries.q[r] + d);
#pragma GCC unroll 4
    for (int i = 0; i < KEYS; ++i) acc[r][i] = _mm256_add_epi32(acc[r][i], _mm256_madd_epi16(q, k[i]));
  }
}

// q . k of R queries and KEYS keys over `dims` elements, spread over lanes. What a register holds behind a key meets
// zeros behind the query.
template <int R, int KEYS>
MOTE_INLINE void dot_tile(const Queries& queries, const int8_t* key, const Rows& keys, int dims,
                          __m256i (&acc)[R][KEYS]) {
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < KEYS; ++i) acc[r][i] = _mm256_setzero_si256();
  }
  __m256i k[KEYS];
  int d = 0;
  for (; d + 16 <= dims; d += 16) {
#pragma GCC unroll 4
    for (int i = 0; i < KEYS; ++i) k[i] = load_16_as_i16(key + i * keys.pitch + d);
    add_products(acc, queries, d, k);
  }
  if (d < dims) {
#pragma GCC unroll 4
    for (int i = 0; i < KEYS; ++i) k[i] = _mm256_cvtepi8_epi16(load_128_before(key + i * keys.pitch + d, keys.end));
    add_products(acc, queries, d, k);
  }
}

// Scores of R queries (or what they grow by) with 4 keys, or with one.
template <int R, bool ADD>
MOTE_INLINE void score_four_keys(const Queries& queries, const int8_t* key, const Rows& keys, int dims, int32_t* scores,
                                 ptrdiff_t tokens) {
  if constexpr (R == 1) {
    __m256i acc[1][4];
    dot_tile(queries, key, keys, dims, acc);
    put_four<ADD>(scores, sums_of(acc[0][0], acc[0][1], acc[0][2], acc[0][3]));
  } else {
    static_assert(R == 4, "two pairs of queries");
    __m128i sums[2][2];  // keys 0 and 1, 2 and 3; of queries 0 and 1, 2 and 3
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      __m256i acc[4][2];
      dot_tile(queries, key + 2 * i * keys.pitch, keys, dims, acc);
      sums[i][0] = sums_of(acc[0][0], acc[0][1], acc[1][0], acc[1][1]);
      sums[i][1] = sums_of(acc[2][0], acc[2][1], acc[3][0], acc[3][1]);
    }
#pragma GCC unroll 2
    for (int r = 0; r < 2; ++r) {
      put_four<ADD>(scores + 2 * r * tokens, _mm_unpacklo_epi64(sums[0][r], sums[1][r]));
      put_four<ADD>(scores + (2 * r + 1) * tokens, _mm_unpackhi_epi64(sums[0][r], sums[1][r]));
    }
  }
}
template <int R, bool ADD>
MOTE_INLINE void score_key(const Queries& queries, const int8_t* key, const Rows& keys, int dims, int32_t* scores,
                           ptrdiff_t tokens) {
  __m256i acc[R][1];
  dot_tile(queries, key, keys, dims, acc);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) scores[r * tokens] = sum_of(acc[r][0]) + (ADD ? scores[r * tokens] : 0);
}

// Heads of 8 elements, 8 keys at a time: a register holds two keys, four elements after the first its partner.
template <int R>
MOTE_INLINE void score_eight_keys(const Queries& queries, const int8_t* key, ptrdiff_t pitch, int32_t* scores,
                                  ptrdiff_t tokens) {
  __m256i k[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(key + i * pitch));
    const __m128i second = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(key + (i + 4) * pitch));
    k[i] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi64(first, second));
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const __m256i q = _mm256_broadcastsi128_si256(load_128(queries.q[r]));
    const __m256i low = _mm256_hadd_epi32(_mm256_madd_epi16(q, k[0]), _mm256_madd_epi16(q, k[1]));
    const __m256i high = _mm256_hadd_epi32(_mm256_madd_epi16(q, k[2]), _mm256_madd_epi16(q, k[3]));
    store_256(scores + r * tokens, _mm256_hadd_epi32(low, high));
  }
}

template <int R, bool ADD>
void score_keys(const Queries& queries, const Rows& keys, int dims, int32_t* scores, ptrdiff_t tokens) {
  const int8_t* key = keys.first;
  ptrdiff_t s = 0;
  if (dims == 8 && !ADD) {
    for (; s + 8 <= tokens; s += 8, key += 8 * keys.pitch) {
      score_eight_keys<R>(queries, key, keys.pitch, scores + s, tokens);
    }
  }
  for (; s + 4 <= tokens; s += 4, key += 4 * keys.pitch) {
    score_four_keys<R, ADD>(queries, key, keys, dims, scores + s, tokens);
  }
  for (; s < tokens; ++s, key += keys.pitch) score_key<R, ADD>(queries, key, keys, dims, scores + s, tokens);
}

// Scores of R queries, `query` the first, row by row.
template <int R>
void score_queries(const AttentionS8& args, const int8_t* query, const Rows& keys, int32_t* scores) {
  Queries queries;
  for (int d = 0; d < args.head_dim; d += most_dims) {
    const int dims = args.head_dim - d < most_dims ? args.head_dim - d : most_dims;
    for (int r = 0; r < R; ++r) widen_query(query + r * keys.pitch + d, dims, args.zero, queries.q[r]);
    const Rows part = {keys.first + d, keys.pitch, keys.end};
    if (d == 0) {
      score_keys<R, false>(queries, part, dims, scores, args.tokens);
    } else {
      score_keys<R, true>(queries, part, dims, scores, args.tokens);
    }
  }
}

int32_t largest_of(const int32_t* scores, ptrdiff_t tokens) {
  int32_t largest = scores[0];
  if (tokens < 8) {
    for (ptrdiff_t s = 1; s < tokens; ++s) largest = scores[s] > largest ? scores[s] : largest;
    return largest;
  }
  __m256i top = load_256(scores + tokens - 8);
  for (ptrdiff_t s = 0; s + 8 <= tokens; s += 8) top = _mm256_max_epi32(top, load_256(scores + s));
  alignas(32) int32_t lanes[8];
  store_256(lanes, top);
  for (const int32_t lane : lanes) largest = lane > largest ? lane : largest;
  return largest;
}

struct Softmax {
  __m256i largest;
  __m256 score_m;
  Table256 table;
};

// Probabilities of 32 tokens, as bytes, from their scores.
MOTE_INLINE __m256i probabilities_32(const Softmax& softmax, const __m256i scores[4]) {
  __m256i index[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(softmax.largest, scores[i])), softmax.score_m);
    index[i] = _mm256_cvtps_epi32(_mm256_min_ps(v, _mm256_set1_ps(255.0f)));
  }
  return softmax.table(pack_u8(index[0], index[1], index[2], index[3]));
}

alignas(32) constexpr int32_t first_lanes[64] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                                 -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

// The same of the `rest` < 32 tokens at `scores`, and zeros.
MOTE_INLINE __m256i probabilities_rest(const Softmax& softmax, const int32_t* scores, ptrdiff_t rest) {
  __m256i mask[4], part[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    mask[i] = load_256(first_lanes + 32 - rest + 8 * i);
    part[i] = _mm256_maskload_epi32(scores + 8 * i, mask[i]);
  }
  return _mm256_and_si256(probabilities_32(softmax, part), pack_s8(mask[0], mask[1], mask[2], mask[3]));
}

MOTE_INLINE void store_as_i16(char* to, __m256i p) {
  store_256(to, _mm256_cvtepu8_epi16(_mm256_castsi256_si128(p)));
  store_256(to + 32, _mm256_cvtepu8_epi16(_mm256_extracti128_si256(p, 1)));
}

// The scores of a query become probabilities in place; returns their sum.
int32_t make_probabilities(const AttentionS8& args, int32_t* scores) {
  const ptrdiff_t tokens = args.tokens;
  const Softmax softmax = {_mm256_set1_epi32(largest_of(scores, tokens)), _mm256_set1_ps(args.score_m),
                           Table256(args.table)};
  char* const out = reinterpret_cast<char*>(scores);
  __m256i sum = _mm256_setzero_si256();  // of 8 bytes each, in 64-bit lanes
  ptrdiff_t s = 0;
  for (; s + 32 <= tokens; s += 32) {
    const __m256i part[4] = {load_256(scores + s), load_256(scores + s + 8), load_256(scores + s + 16),
                             load_256(scores + s + 24)};
    const __m256i p = probabilities_32(softmax, part);
    sum = _mm256_add_epi64(sum, _mm256_sad_epu8(p, _mm256_setzero_si256()));
    store_as_i16(out + 2 * s, p);
  }
  if (s < tokens) {
    const ptrdiff_t rest = tokens - s;
    const __m256i p = probabilities_rest(softmax, scores + s, rest);
    sum = _mm256_add_epi64(sum, _mm256_sad_epu8(p, _mm256_setzero_si256()));
    if (tokens >= 16) {  // 64 bytes are left of the scores of this query
      store_as_i16(out + 2 * s, p);
    } else {
      alignas(32) char wide[64];
      store_as_i16(wide, p);
      memcpy(out, wide, static_cast<size_t>(2 * (rest + rest % 2)));
    }
  }
  return sum_of(sum);
}

MOTE_INLINE int32_t pair_at(const int32_t* scores, ptrdiff_t s) {
  int32_t pair;
  memcpy(&pair, reinterpret_cast<const char*>(scores) + 2 * s, sizeof pair);
  return pair;
}

// round8((f(acc) * m) / f(sum)) of 8 elements, as int32.
MOTE_INLINE __m256i finish_8(const AttentionS8& args, __m256i acc, int32_t sum) {
  const __m256 least = _mm256_set1_ps(static_cast<float>(-128 - args.y_zero));
  const __m256 most = _mm256_set1_ps(static_cast<float>(127 - args.y_zero));
  const __m256i centred = _mm256_sub_epi32(acc, _mm256_set1_epi32(args.zero * sum));
  __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(centred), _mm256_set1_ps(args.m));
  v = _mm256_div_ps(v, _mm256_set1_ps(static_cast<float>(sum)));
  v = _mm256_min_ps(_mm256_max_ps(v, least), most);
  return _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(args.y_zero));
}

// Adds p_s v_s + p_(s+1) v_(s+1) of 8 * EIGHTS elements. The bytes of a and b are those of the two values by turns.
template <int R, int EIGHTS>
MOTE_INLINE void weigh_pair(__m256i (&acc)[R][EIGHTS], __m128i a, __m128i b, const int32_t* scores, ptrdiff_t tokens,
                            ptrdiff_t s) {
  __m256i ab[EIGHTS];
  ab[0] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b));
  if constexpr (EIGHTS == 2) ab[1] = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b));
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const __m256i p = _mm256_set1_epi32(pair_at(scores + r * tokens, s));
#pragma GCC unroll 2
    for (int i = 0; i < EIGHTS; ++i) acc[r][i] = _mm256_add_epi32(acc[r][i], _mm256_madd_epi16(p, ab[i]));
  }
}

// Elements [d, d + n) of R results, n <= 8 * EIGHTS; y: element d of the first.
template <int R, int EIGHTS>
MOTE_INLINE void weigh_tile(const AttentionS8& args, const Rows& values, int d, int n, const int32_t* scores,
                            const int32_t* sums, int8_t* y, ptrdiff_t y_pitch) {
  const ptrdiff_t tokens = args.tokens;
  __m256i acc[R][EIGHTS];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int i = 0; i < EIGHTS; ++i) acc[r][i] = _mm256_setzero_si256();
  }
  const int8_t* value = values.first + d;
  // Registers may be filled from behind the head, but not from behind the tensor: its last tokens are apart.
  ptrdiff_t s = 0;
  for (; s + 2 <= tokens && values.end - value >= values.pitch + 16; s += 2, value += 2 * values.pitch) {
    weigh_pair(acc, load_128(value), load_128(value + values.pitch), scores, tokens, s);
  }
  for (; s < tokens; s += 2, value += 2 * values.pitch) {
    const __m128i a = load_128_before(value, values.end);
    const __m128i b = s + 1 < tokens ? load_128_before(value + values.pitch, values.end) : _mm_setzero_si128();
    weigh_pair(acc, a, b, scores, tokens, s);
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const __m256i first = finish_8(args, acc[r][0], sums[r]);
    const __m256i second = EIGHTS == 2 ? finish_8(args, acc[r][EIGHTS - 1], sums[r]) : first;
    const __m128i bytes = _mm256_castsi256_si128(pack_s8(first, second, first, second));
    if (n == 16) {
      store_128(y + r * y_pitch, bytes);
    } else if (n == 8) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(y + r * y_pitch), bytes);
    } else {
      alignas(16) int8_t part[16];
      store_128(part, bytes);
      memcpy(y + r * y_pitch, part, static_cast<size_t>(n));
    }
  }
}

// R queries of one head; `head` is the first of its elements in the queries of token t.
template <int R>
void attend(const AttentionS8& args, ptrdiff_t t, int h, int32_t* scores) {
  const ptrdiff_t inner = static_cast<ptrdiff_t>(args.heads) * args.head_dim, pitch = 3 * inner;
  const int8_t* const head = args.qkv + static_cast<ptrdiff_t>(h) * args.head_dim;
  const int8_t* const end = args.qkv + args.tokens * pitch;
  score_queries<R>(args, head + t * pitch, {head + inner, pitch, end}, scores);
  int32_t sums[R];
  for (int r = 0; r < R; ++r) sums[r] = make_probabilities(args, scores + r * static_cast<ptrdiff_t>(args.tokens));
  const Rows values = {head + 2 * inner, pitch, end};
  int8_t* const y = args.y + t * inner + static_cast<ptrdiff_t>(h) * args.head_dim;
  for (int d = 0; d < args.head_dim; d += 16) {
    const int n = args.head_dim - d < 16 ? args.head_dim - d : 16;
    if (n > 8) {
      weigh_tile<R, 2>(args, values, d, n, scores, sums, y + d, inner);
    } else {
      weigh_tile<R, 1>(args, values, d, n, scores, sums, y + d, inner);
    }
  }
}

}  // namespace

void attention_s8_avx2(const AttentionS8& args, int row_begin, int row_end, void* scratch) {
  int32_t* const scores = static_cast<int32_t*>(scratch);
  for (int h = 0; h < args.heads; ++h) {
    int t = row_begin;
    for (; t + attention_block <= row_end; t += attention_block) attend<attention_block>(args, t, h, scores);
    for (; t < row_end; ++t) attend<1>(args, t, h, scores);
  }
}

}  // namespace mote
#endif
