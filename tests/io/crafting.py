"""Files made byte by byte, as programs other than ours leave them behind."""

import struct

import numpy as np

IMOD_STAMP = 1146047817
MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


def mrc_bytes(pixels, mode=2, order="<", *, extended=b"", **fields):
    """An MRC file of an image or a stack; any field of the header can be given another value."""
    pixels = np.asarray(pixels)
    stack = pixels if pixels.ndim == 3 else pixels[None]
    nz, ny, nx = stack.shape
    header = {
        "nx": nx, "ny": ny, "nz": nz, "mode": mode, "nxstart": 0, "nystart": 0, "mx": nx, "my": ny, "mz": nz,
        "cell": (1.5 * nx, 1.5 * ny, 1.5 * nz), "axes": (1, 2, 3), "dmin": 0.0, "dmax": 0.0, "ispg": 0,
        "nsymbt": len(extended), "imod_stamp": 0, "imod_flags": 0, "mark": b"MAP ",
        "stamp": b"\x44\x44\0\0" if order == "<" else b"\x11\x11\0\0",
    } | fields  # fmt: skip
    raw = bytearray(1024)

    def put(offset, code, *values):
        struct.pack_into(order + code, raw, offset, *values)

    put(0, "10i", *(header[k] for k in ("nx", "ny", "nz", "mode", "nxstart", "nystart")), 0,
        *(header[k] for k in ("mx", "my", "mz")))  # fmt: skip
    put(40, "3f", *header["cell"])
    put(64, "3i", *header["axes"])
    put(76, "2f", header["dmin"], header["dmax"])
    put(88, "2i", header["ispg"], header["nsymbt"])
    put(152, "2i", header["imod_stamp"], header["imod_flags"])
    raw[208:212], raw[212:216] = header["mark"], header["stamp"]
    stored = stack.astype(np.dtype(MODES[mode]).newbyteorder(order)).tobytes() if mode in MODES else b""
    return bytes(raw) + extended + (stored or pixels.tobytes())


def half_bytes(pixels):
    """Pack two pixels of 0 to 15 into a byte, the left one low; rows are padded to whole bytes."""
    pixels = np.asarray(pixels, np.uint8)
    padded = np.pad(pixels, ((0, 0), (0, pixels.shape[1] % 2)))
    return padded[:, ::2] | padded[:, 1::2] << 4


def eer_frame(events, shape):
    """Code one raw frame: events as (y, x, quarter in y, quarter in x), at most one a pixel."""
    bits = []

    def put(value, count):
        bits.extend(value >> bit & 1 for bit in range(count))

    def skip(gap):
        while gap >= 127:
            put(127, 7)
            gap -= 127
        put(gap, 7)

    position = 0
    for y, x, quarter_y, quarter_x in sorted(events):
        skip(y * shape[1] + x - position)
        put((quarter_y << 2 | quarter_x) ^ 0b1010, 4)
        position = y * shape[1] + x + 1
    skip(shape[0] * shape[1] - position)
    code = np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes()
    return code + bytes(-len(code) % 8)  # the camera writes words of 64 bits


def eer_bytes(frames, shape, *, bits=8, integrated=False):
    """An EER file with the raw frames given as codes; `integrated` puts an uncompressed image before them."""
    pages = [(65001, frame) for frame in frames]
    if integrated:
        pages.insert(0, (1, bytes(shape[0] * shape[1])))
    raw = bytearray(b"II+\0" + struct.pack("<HHQ", 8, 0, 0))
    link = 8
    metadata = b"<metadata></metadata>".ljust(24)
    metadata_at = len(raw)
    raw += metadata
    for compression, data in pages:
        data_at = len(raw)
        raw += data
        struct.pack_into("<Q", raw, link, len(raw))
        depth = 8 if compression == 1 else bits
        tags = [(256, shape[1]), (257, shape[0]), (258, depth), (259, compression), (262, 1), (273, data_at),
                (277, 1), (278, shape[0]), (279, len(data))]  # fmt: skip
        raw += struct.pack("<Q", len(tags) + 1)
        for tag, value in tags:
            raw += struct.pack("<HHQQ", tag, 16, 1, value)
        raw += struct.pack("<HHQQ", 65001, 7, len(metadata), metadata_at)
        link = len(raw)
        raw += struct.pack("<Q", 0)
    return bytes(raw)
