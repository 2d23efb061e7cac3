/* Version of the library. The model file format has a version of its own (src/format/SPEC.md). */
#ifndef MOTE_VERSION_H
#define MOTE_VERSION_H

#define MOTE_VERSION_MAJOR 0
#define MOTE_VERSION_MINOR 1
#define MOTE_VERSION_PATCH 0
#define MOTE_VERSION_STRING "0.1.0"
/* One number to compare: major * 10000 + minor * 100 + patch. */
#define MOTE_VERSION (MOTE_VERSION_MAJOR * 10000 + MOTE_VERSION_MINOR * 100 + MOTE_VERSION_PATCH)

/* Highest model file format this library reads. */
#define MOTE_FORMAT_VERSION 1

/* Refused here because every program that uses mote includes this. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "mote: not for big-endian machines: model files are little-endian and are read where they lie"
#endif

#endif
