#!/usr/bin/env python3
"""Makes the files in this folder and the seeds in ../fuzz with tools that are not mote's: gzip, zlib, Pillow and numpy.

Debian packages: gzip python3-numpy python3-pil dataset-fashion-mnist. Run it in this folder: /usr/bin/python3 make_data.py
The tests recompute the contents from the formulas below, so a change here needs the same change there.
"""
import gzip, io, os, shutil, struct, subprocess, zipfile, zlib

import numpy as np
from PIL import Image

FASHION = "/usr/share/datasets/fashion-mnist/"
FUZZ = "../fuzz/"


def save(path, data):
    with open(path, "wb") as f:
        f.write(data)


def text(lines):
    """Compressible: line i is "line <i>: <i*i mod 97> squares\n"."""
    return "".join(f"line {i}: {i * i % 97} squares\n" for i in range(lines)).encode()


def noise(count, seed):
    """Incompressible: the high bytes of a linear congruential generator."""
    out = bytearray()
    for _ in range(count):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        out.append(seed >> 24)
    return bytes(out)


def fibonacci(symbols):
    """Symbol k occurs as often as the k-th Fibonacci number, which makes Huffman codes as deep as they get; place i holds i * 7919 mod n."""
    counts = [1, 1]
    while len(counts) < symbols:
        counts.append(counts[-1] + counts[-2])
    ordered = bytes(9 * k for k in range(symbols) for _ in range(counts[k]))
    return bytes(ordered[i * 7919 % len(ordered)] for i in range(len(ordered)))


def run_gzip(level, data):
    return subprocess.run(["gzip", "-n", level], input=data, stdout=subprocess.PIPE, check=True).stdout


class Pipe(io.BytesIO):
    """Cannot seek: zipfile then writes sizes and checksum behind each member."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation

    def tell(self):
        raise io.UnsupportedOperation


def zipped(target):
    """A deflated member, a stored one, an empty one in a folder, and a comment at the end."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, data, method in (("text.txt", text(400), zipfile.ZIP_DEFLATED), ("noise.bin", noise(300, 7), zipfile.ZIP_STORED),
                                   ("folder/empty", b"", zipfile.ZIP_DEFLATED)):
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type = method
            archive.writestr(member, data)
        archive.comment = b"made by zipfile"
    return target.getvalue()


def make_zip():
    save("members.zip", zipped(io.BytesIO()))
    save("piped.zip", zipped(Pipe()))
    # As scipy/misc/ecg.dat: one .npy of 16-bit integers, 1000 + i * i mod 97.
    header = "{'descr': '<u2', 'fortran_order': False, 'shape': (400,), }".ljust(117) + "\n"
    values = struct.pack("<400H", *(1000 + i * i % 97 for i in range(400)))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        member = zipfile.ZipInfo("recording.npy", (1980, 1, 1, 0, 0, 0))
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values)
    save("recording.zip", target.getvalue())


def make_gzip():
    save("text.1.gz", run_gzip("-1", text(400)))
    save("text.9.gz", run_gzip("-9", text(400)))
    save("members.gz", run_gzip("-9", text(30)) + run_gzip("-1", b"") + run_gzip("-6", noise(300, 7)))
    stored = zlib.compressobj(0, zlib.DEFLATED, 31)
    save("stored.gz", stored.compress(noise(3000, 1)) + stored.flush())
    fixed = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_FIXED)
    save("fixed.gz", fixed.compress(text(20)) + fixed.flush())
    huffman = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_HUFFMAN_ONLY)
    save("huffman_only.gz", huffman.compress(text(60)) + huffman.flush())
    # One distance code of one bit (an incomplete code that is allowed) and runs of one byte.
    runs = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_RLE)
    save("runs.gz", runs.compress(b"a" * 1000 + b"b" * 700) + runs.flush())
    deep = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_HUFFMAN_ONLY)
    save("deep.gz", deep.compress(fibonacci(20)) + deep.flush())
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = body.compress(text(20)) + body.flush()
    header = b"\x1f\x8b\x08\x1e" + struct.pack("<I", 1700000000) + b"\x02\x03" + struct.pack("<H", 5) + b"extra" + b"name.txt\0" + b"a comment\0"
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    save("all_fields.gz", header + raw + struct.pack("<II", zlib.crc32(text(20)), len(text(20))))
    save("text.zlib", zlib.compress(text(60), 9))


def pattern(height, width, channels):
    """Smooth in places, rough in others: pixel (y, x, c) = (7y + 13x + 31c + xy) mod 256, and every 16th row 255 - that."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    out = (7 * y + 13 * x + 31 * c + x * y) % 256
    out = np.where(y % 16 == 15, 255 - out, out)
    return out.astype(np.uint8)


def picture(height, width, channels):
    data = pattern(height, width, channels)
    return Image.fromarray(data[:, :, 0] if channels == 1 else data, {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels])


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def filtered_png(data, colour):
    """Row y has filter y mod 5; the data is split into chunks of 50 bytes with an empty one among them."""
    height, width, channels = data.shape
    rows = data.reshape(height, -1).astype(int)
    raw = bytearray()
    for y in range(height):
        raw.append(y % 5)
        for i in range(rows.shape[1]):
            a = rows[y, i - channels] if i >= channels else 0
            b = rows[y - 1, i] if y > 0 else 0
            c = rows[y - 1, i - channels] if y > 0 and i >= channels else 0
            raw.append((rows[y, i] - [0, a, b, (a + b) // 2, paeth(a, b, c)][y % 5]) % 256)
    packed = zlib.compress(bytes(raw), 9)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    out += chunk(b"tEXt", b"Comment\0made by make_data.py") + chunk(b"IDAT", b"")
    for at in range(0, len(packed), 50):
        out += chunk(b"IDAT", packed[at:at + 50])
    return out + chunk(b"IEND", b"")


def palette_png(bits, alpha):
    """Pixel (y, x) has index (x + 3y) mod min(2^bits, 200); entry i is (i, 2i mod 256, 255 - i), alpha of entry i < 8 is 30 i."""
    height, width, entries = 9, 21, min(1 << bits, 200)
    rows = bytearray()
    for y in range(height):
        row = "".join(format((x + 3 * y) % entries, f"0{bits}b") for x in range(width))
        row += "0" * (-len(row) % 8)
        rows.append(0)
        rows += int(row, 2).to_bytes(len(row) // 8, "big")
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0))
    out += chunk(b"PLTE", bytes(v for i in range(entries) for v in (i, 2 * i % 256, 255 - i)))
    if alpha:
        out += chunk(b"tRNS", bytes(30 * i for i in range(min(entries, 8))))
    return out + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b"")


def make_png():
    for channels, name in ((1, "grey"), (2, "grey_alpha"), (3, "rgb"), (4, "rgba")):
        picture(33, 19, channels).save(f"{name}.png", optimize=True)
    save("filters_grey.png", filtered_png(pattern(23, 17, 1), 0))
    save("filters_rgb.png", filtered_png(pattern(23, 17, 3), 2))
    save("filters_rgba.png", filtered_png(pattern(11, 7, 4), 6))
    for bits in (1, 2, 4, 8):
        save(f"palette{bits}.png", palette_png(bits, False))
    save("palette4_alpha.png", palette_png(4, True))
    key = Image.fromarray(pattern(8, 8, 3), "RGB")
    key.save("key.png", transparency=tuple(int(v) for v in pattern(8, 8, 3)[2, 3]))
    picture(5, 5, 1).point(lambda v: v > 100 and 255).convert("1").save("bits1.png")
    Image.fromarray(pattern(5, 5, 1)[:, :, 0].astype(np.int32) * 200, "I").save("bits16.png")
    # Pillow cannot write interlaced files: the flag alone has to be enough to be refused.
    plain = open("grey.png", "rb").read()
    save("interlaced.png", plain[:8] + chunk(b"IHDR", plain[16:28] + b"\x01") + plain[33:])


def make_idx():
    images = gzip.open(FASHION + "t10k-images-idx3-ubyte.gz").read()
    labels = gzip.open(FASHION + "t10k-labels-idx1-ubyte.gz").read()
    count = 10
    cut = struct.pack(">IIII", 0x803, count, 28, 28) + images[16:16 + count * 784]
    save("fashion.idx", cut)
    save("fashion.idx.gz", run_gzip("-9", cut))
    save("fashion_labels.idx", struct.pack(">II", 0x801, count) + labels[8:8 + count])
    save("colour.idx", struct.pack(">IIIII", 0x804, 2, 5, 4, 3) + pattern(10, 4, 3).tobytes())


def make_npy():
    """Element i of a (2, 3, 4) array is (i - 5) * 1.5, for integers (i - 5) * 3, for unsigned ones 10 i."""
    i = np.arange(24).reshape(2, 3, 4)
    np.save("f4.npy", ((i - 5) * 1.5).astype("<f4"))
    np.save("f8.npy", ((i - 5) * 1.5).astype("<f8"))
    np.save("f2.npy", ((i - 5) * 1.5).astype("<f2"))
    np.save("i4.npy", ((i - 5) * 3).astype("<i4"))
    np.save("i8.npy", ((i - 5) * 3).astype("<i8"))
    np.save("i1.npy", ((i - 5) * 3).astype("|i1"))
    np.save("u1.npy", (10 * i).astype("|u1"))
    # 0 to 65535 without NaN payload games: every kind of half, also subnormal and infinite.
    halves = np.array([0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0xC000, 0x3555, 0x7BFF, 0x7C00, 0xFC00, 0x7E00], dtype="<u2")
    np.save("halves.npy", halves.view("<f2"))
    np.save("scalar.npy", np.array(2.5, dtype="<f4"))
    np.save("empty.npy", np.zeros((3, 0), dtype="<f4"))
    np.save("vector.npy", np.array([1, -2, 3], dtype="<f4"))
    np.save("fortran.npy", np.asfortranarray(((i[0] - 5) * 1.5).astype("<f4")))
    np.save("big_endian.npy", ((i - 5) * 1.5).astype(">f4"))
    np.save("structured.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
    np.save("too_large.npy", np.array([1.0, 1e300]))
    for version in ((2, 0), (3, 0)):
        with open(f"version{version[0]}.npy", "wb") as f:
            np.lib.format.write_array(f, np.array([1, -2, 3], dtype="<f4"), version=version)


JSON_SEEDS = [
    '{"name": "fashion", "train": {"batch": 64, "rate": 2e-4, "flip": true}, "sizes": [16, 32, 48], "none": null}',
    '[-0, 0.5, -1.25e-3, 9223372036854775807, 1e308, 18446744073709551615]',
    '"\\u00e9\\ud83d\\ude00\\n\\\\ \u00e9 \u20ac \U0001F600"',
    "[[[[[[[[[[]]]]]]]]]]",
    ' { "a" : { } , "b" : [ ] } ',
    '{"a":1,"a":2}',
]


def make_fuzz_seeds():
    for kind in ("png", "gzip", "zip", "idx", "npy", "json"):
        os.makedirs(FUZZ + kind, exist_ok=True)
    for name in ("filters_grey", "filters_rgba", "palette1", "palette4_alpha", "key", "grey_alpha", "bits16"):
        shutil.copy(name + ".png", FUZZ + "png/")
    # What fuzz_png builds a file around: width, height, depth, colour type, sizes of palette and transparency, these, rows.
    save(FUZZ + "png/around_rgb.bin", bytes([3, 2, 8, 2, 0, 0]) + bytes([4] + [9] * 9 + [3] + [7] * 9))
    save(FUZZ + "png/around_palette.bin", bytes([4, 2, 2, 3, 4, 2]) + bytes(range(14)) + bytes([1, 0x1B, 2, 0xE4]))
    for name in ("members", "fixed", "huffman_only", "runs", "all_fields"):
        shutil.copy(name + ".gz", FUZZ + "gzip/")
    for name in ("members", "piped"):
        shutil.copy(name + ".zip", FUZZ + "zip/")
    save(FUZZ + "gzip/small_stored.gz", gzip.compress(noise(40, 3), 0, mtime=0))
    save(FUZZ + "gzip/dynamic.gz", run_gzip("-9", text(30)))
    images = struct.pack(">IIII", 0x803, 2, 3, 4) + bytes(range(24))
    save(FUZZ + "idx/images.idx", images)
    save(FUZZ + "idx/images.idx.gz", run_gzip("-9", images))
    save(FUZZ + "idx/labels.idx", struct.pack(">II", 0x801, 3) + b"\1\2\3")
    save(FUZZ + "idx/colour.idx", struct.pack(">IIIII", 0x804, 1, 2, 2, 3) + bytes(range(12)))
    for name in ("f4", "f8", "i8", "u1", "halves", "scalar", "empty", "version2", "version3", "fortran", "structured"):
        shutil.copy(name + ".npy", FUZZ + "npy/")
    for i, seed in enumerate(JSON_SEEDS):
        save(FUZZ + f"json/{i}.json", seed.encode())


if __name__ == "__main__":
    make_gzip()
    make_zip()
    make_png()
    make_idx()
    make_npy()
    make_fuzz_seeds()
