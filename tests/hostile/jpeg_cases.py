"""JPEG: markers and scans that are wrong, and what is merely odd beside them."""

import os
import struct

from case import FIXTURES, Case, fifo, link, repeated


def fixture(name):
    with open(os.path.join(FIXTURES, "images", name), "rb") as f:
        return f.read()


BASE = fixture("base_420.jpg")
PROGRESSIVE = fixture("prog_420.jpg")


def run(name, content, words=None, *args):
    return Case(name, {name + ".jpg": content}, [*args, name + ".jpg"], words)


def segment(marker, data, length=None):
    size = len(data) + 2 if length is None else length
    return bytes([0xff, marker]) + struct.pack(">H", size) + data


def find(data, marker):
    """Where the first segment of that kind begins."""
    at = 2
    while data[at + 1] != marker:
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    return at


def end_of(data, at):
    return at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]


def replaced(data, marker, change):
    """With another payload in the first segment of that kind; None drops it."""
    at = find(data, marker)
    end = end_of(data, at)
    payload = change(data[at + 4:end])
    return data[:at] + (b"" if payload is None else segment(marker, payload)) + data[end:]


def inserted(*segments, data=BASE):
    return data[:2] + b"".join(segments) + data[2:]


SOF, DHT, SOS, DQT, DRI = 0xc0, 0xc4, 0xda, 0xdb, 0xdd


def frame(height=None, width=None, precision=8, **more):
    def change(p):
        h, w = struct.unpack(">HH", p[1:5])
        return (bytes([precision]) + struct.pack(">HH", h if height is None else height,
                                                 w if width is None else width)
                + more.get("rest", p[5:]))
    return replaced(BASE, SOF, change)


def frames():
    def rest(*sampling):
        return bytes([len(sampling)]) + b"".join(bytes([i + 1, s, 0])
                                                 for i, s in enumerate(sampling))

    yield run("height_0", frame(height=0), "no pixels")
    yield run("width_0", frame(width=0), "no pixels")
    yield run("pixels_4_billion", frame(height=65535, width=65535), "above the limit of 100000000")
    yield run("height_65535", frame(height=65535), "height_65535.jpg: ")
    yield run("bits_12", frame(precision=12), "12 bits per sample")
    yield run("bits_0", frame(precision=0), "0 bits per sample")
    yield run("components_0", frame(rest=b"\0"), "components_0.jpg: ")
    yield run("components_2", frame(rest=rest(0x11, 0x11)), "2 components")
    yield run("components_5", frame(rest=rest(*[0x11] * 5)), "5 components")
    yield run("sampling_0", frame(rest=rest(0x00, 0x11, 0x11)), "ampling")
    yield run("sampling_5", frame(rest=rest(0x55, 0x11, 0x11)), "ampling")
    yield run("frame_short", frame(rest=b""), "frame header of a wrong length")
    yield run("frame_missing", replaced(BASE, SOF, lambda p: None), "no pixels")
    yield run("frame_twice", inserted(BASE[find(BASE, SOF):end_of(BASE, find(BASE, SOF))]),
              "frame_twice.jpg: ")
    yield run("lossless", BASE.replace(b"\xff\xc0", b"\xff\xc3", 1), "lossless.jpg: ")
    yield run("hierarchical", BASE.replace(b"\xff\xc0", b"\xff\xc5", 1), "hierarchical.jpg: ")
    yield run("arithmetic_lossless", BASE.replace(b"\xff\xc0", b"\xff\xcb", 1),
              "arithmetic_lossless.jpg: ")
    yield run("pixels_above_option", BASE, "above the limit of 100", "--max-pixels", "100")


def tables():
    scan = find(BASE, SOS)
    yield run("no_quantisation", drop_all(BASE, DQT), "uantization table")
    yield run("huffman_overfull", replaced(BASE, DHT, lambda p: p[:1] + b"\xff" * 16 + p[17:]),
              "Huffman")
    yield run("huffman_short", replaced(BASE, DHT, lambda p: p[:10]), "huffman_short.jpg: ")
    yield run("huffman_index", replaced(BASE, DHT, lambda p: b"\x7f" + p[1:]),
              "huffman_index.jpg: ")
    yield run("quantisation_short", replaced(BASE, DQT, lambda p: p[:20]),
              "quantisation table cut short")
    yield run("quantisation_index", replaced(BASE, DQT, lambda p: b"\x0f" + p[1:]), "DQT")
    yield run("restart_interval_short", inserted(segment(DRI, b"\0")), "restart_interval_short")
    yield run("scan_header_short", replaced(BASE, SOS, lambda p: p[:2]), "scan_header_short.jpg: ")
    yield run("scan_of_unknown", replaced(BASE, SOS, lambda p: p[:1] + b"\x77" + p[2:]),
              "scan_of_unknown.jpg: ")
    yield run("scan_components_9", replaced(BASE, SOS, lambda p: b"\x09" + p[1:]),
              "scan_components_9.jpg: ")
    yield run("no_scan", BASE[:scan], "truncated")
    yield run("scan_marker_only", BASE[:scan + 2], "scan_marker_only.jpg: ")


def drop_all(data, marker):
    while True:
        try:
            at = find(data[:find(data, SOS) + 2], marker)
        except (IndexError, struct.error):
            return data
        data = data[:at] + data[end_of(data, at):]


def cuts():
    scan = end_of(BASE, find(BASE, SOS))
    yield run("empty", b"", "the file is empty")
    yield run("three_bytes", BASE[:3], "truncated")
    yield run("soi_only", b"\xff\xd8\xff\xd9", "truncated")
    for name, at in (("in_marker", 5), ("in_header", find(BASE, SOF) + 3), ("at_scan", scan),
                     ("scan_10", scan + 10), ("half", (scan + len(BASE)) // 2),
                     ("last_bytes", len(BASE) - 40)):
        yield run("cut_" + name, BASE[:at], f"cut_{name}.jpg: JPEG: ")
    for name, at in (("header", 30), ("first_scan", find(PROGRESSIVE, SOS) + 40),
                     ("half", len(PROGRESSIVE) // 2)):
        yield run("progressive_cut_" + name, PROGRESSIVE[:at], f"cut_{name}.jpg: JPEG: ")
    yield run("segment_beyond", inserted(segment(0xe5, b"abc", 60000)), "segment_beyond.jpg: ")
    yield run("zeros_behind_soi", b"\xff\xd8\xff" + b"\0" * 1000, "truncated")
    yield run("ones", b"\xff\xd8" + b"\xff" * 1000, "truncated")
    yield run("no_eoi_in_scan", BASE[:-30], "truncated")
    yield run("html", b"\xff\xd8\xff<html>" * 10, "html.jpg: ")


def bombs():
    """Progressive files that refine for ever, and pictures that need more than they show."""
    scan = find(PROGRESSIVE, SOS)
    end = end_of(PROGRESSIVE, scan)
    head, sos = PROGRESSIVE[:scan], PROGRESSIVE[scan:end]
    tiny = sos + b"\xff\0"
    yield run("scans_30000", repeated(head, tiny, 30000, b"\xff\xd9"),
              "above the limit of 2000000000 in all")
    at = find(PROGRESSIVE, 0xc2)
    large = PROGRESSIVE[:at + 5] + struct.pack(">HH", 9900, 9900) + PROGRESSIVE[at + 9:]
    yield run("progressive_large", large, "above the memory limit of 480000000")
    less = PROGRESSIVE[:at + 5] + struct.pack(">HH", 8000, 8000) + PROGRESSIVE[at + 9:]
    yield run("scans_of_large", repeated(less[:scan], tiny, 100, b"\xff\xd9"),
              "above the limit of 2000000000 in all")
    three = fixture("sep_scans_444.jpg")
    at = find(three, 0xc0)
    yield run("progressive_444", three[:at + 5] + struct.pack(">HH", 9000, 9000)
              + three[at + 9:], "above the memory limit of 400000000")
    yield run("markers_million", repeated(b"\xff\xd8", segment(0xe5, b""), 3000000, b"\xff\xd9"),
              "truncated")
    yield Case("fifo", {"pipe.jpg": fifo}, ["pipe.jpg"], "not a regular file")
    yield run("device", link("/dev/zero"), "not a regular file")


def accepted():
    yield run("good", BASE)
    yield run("good_progressive", PROGRESSIVE)
    yield run("rows_missing_in_front_of_end", frame(height=600))
    yield run("usual_huffman_tables", drop_all(BASE, DHT))
    yield run("exif_empty", inserted(segment(0xe1, b"")))
    yield run("exif_garbage", inserted(segment(0xe1, b"Exif\0\0" + b"\xff" * 300)))
    yield run("exif_short", inserted(segment(0xe1, b"Exif\0\0II")))
    yield run("exif_loop", inserted(segment(0xe1, b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0"
                                                  b"\x01\0\0\0\x08\0\0\0\x08\0\0\0")))
    yield run("exif_offset_huge", inserted(segment(0xe1, b"Exif\0\0MM\0*\xff\xff\xff\xff")))
    yield run("exif_orientation_99", inserted(segment(
        0xe1, b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0")))
    yield run("icc_short", inserted(segment(0xe2, b"ICC_PROFILE\0")))
    yield run("icc_empty", inserted(segment(0xe2, b"ICC_PROFILE\0\1\1")))
    yield run("icc_garbage", inserted(segment(0xe2, b"ICC_PROFILE\0\1\1" + b"\xff" * 500)))
    yield run("icc_part_9_of_3", inserted(segment(0xe2, b"ICC_PROFILE\0\x09\3" + b"x" * 50)))
    yield run("icc_twice", inserted(*[segment(0xe2, b"ICC_PROFILE\0\1\1" + b"x" * 50)] * 2))
    yield run("xmp_garbage", inserted(segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<<<&")))
    yield run("comment_odd", inserted(segment(0xfe, b"\0\x1b[31m\xff" * 100)))
    yield run("comments_many", inserted(*[segment(0xfe, b"x")] * 1000))
    yield run("unknown_app", inserted(segment(0xea, b"x" * 65000)))
    yield run("bytes_behind", BASE + b"behind" * 100)
    yield run("picture_behind", BASE + PROGRESSIVE)
    yield run("padding", inserted(b"\xff" * 10 + segment(0xfe, b"a")[1:]))
    yield run("restarts", fixture("rst_420.jpg"))
    yield run("cmyk", fixture("cmyk_adobe.jpg"))
    yield run("arithmetic", fixture("arith_420.jpg"))
    yield Case("no_extension", {"noext": BASE}, ["noext"])
    yield Case("name_lies", {"lies.png": BASE}, ["lies.png"])
    yield Case("control_in_name", {"a\x1b[31m\n\u202e.jpg": BASE}, ["a\x1b[31m\n\u202e.jpg"])


def cases():
    yield from frames()
    yield from tables()
    yield from cuts()
    yield from bombs()
    yield from accepted()
