"""PNG: chunks and image data that are wrong, and side chunks that are merely odd."""

import struct
import zlib

from case import FIXTURES, Case, fifo, folder, link, photo, repeated

MAGIC = b"\x89PNG\r\n\x1a\n"
W, H = 11, 9


def run(name, content, words=None, *args):
    return Case(name, {name + ".png": content}, [*args, name + ".png"], words)


def chunk(kind, data=b"", crc=None, length=None):
    kind = kind.encode() if isinstance(kind, str) else kind
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(
        ">I", crc)


def header(width=W, height=H, depth=8, colour=2, compression=0, filters=0, interlace=0):
    return chunk("IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, compression,
                                     filters, interlace))


ROWS = b"".join(b"\0" + bytes(v for x in range(W) for v in (x * 20, y * 25, 7))
                for y in range(H))
DATA = chunk("IDAT", zlib.compress(ROWS))
END = chunk("IEND")


def png(*middle, head=None, data=DATA, end=END):
    return MAGIC + (header() if head is None else head) + b"".join(middle) + data + end


def heads():
    good = png()
    yield run("empty", b"", "the file is empty")
    yield run("magic_only", MAGIC, "truncated")
    yield run("magic_cut", MAGIC[:7], "neither JPEG nor PNG")
    yield run("head_cut", good[:20], "truncated")
    yield run("head_crc", png(head=header()[:-1] + b"\0"), "checksum is")
    yield run("no_head", MAGIC + DATA + END, "before any image data")
    yield run("width_0", png(head=header(0)), "no pixels")
    yield run("height_0", png(head=header(height=0)), "no pixels")
    yield run("width_2_31", png(head=header(1 << 31)), "width_2_31.png: ")
    yield run("width_2_32", png(head=header((1 << 32) - 1, (1 << 32) - 1)), "above the limit of")
    yield run("pixels_101_million", png(head=header(10100, 10000)), "above the limit of 100000000")
    yield run("row_2_31", png(head=header((1 << 31) - 1, 1)), "above the limit of")
    yield run("depth_3", png(head=header(depth=3)), "before any image data")
    yield run("depth_32", png(head=header(depth=32)), "before any image data")
    yield run("colour_1", png(head=header(colour=1)), "before any image data")
    yield run("colour_5", png(head=header(colour=5)), "before any image data")
    yield run("palette_16_bits", png(head=header(depth=16, colour=3)), "before any image data")
    yield run("filter_method_9", png(head=header(filters=9)), "filter_method_9.png: ")
    yield run("pixels_above_option", png(), "above the limit of 98", "--max-pixels", "98")
    yield run("gif", b"GIF89a" + good, "GIF is not supported")
    yield run("webp", b"RIFF\x24\0\0\0WEBPVP8 " + good, "WebP is not supported")
    yield run("pickle", b"\x80\x02" + good, "pickle is not supported")
    yield run("text", b"hello\n" * 20, "neither JPEG nor PNG")


def data():
    z = zlib.compress(ROWS)
    yield run("no_data", png(data=b""), "before any image data")
    yield run("no_end_no_data", png(data=b"", end=b""), "truncated")
    yield run("data_empty", png(data=chunk("IDAT")), "ot enough image data")
    yield run("data_cut", png(data=chunk("IDAT", z[:-20])), "data_cut.png: ")
    yield run("data_zeros", png(data=chunk("IDAT", b"\0" * 50)), "data_zeros.png: ")
    yield run("data_ones", png(data=chunk("IDAT", b"\xff" * 50)), "data_ones.png: ")
    yield run("data_no_zlib", png(data=chunk("IDAT", ROWS)), "data_no_zlib.png: ")
    for at in (2, 5, 10, 20):
        spoilt = z[:at] + bytes([z[at] ^ 0x5a]) + z[at + 1:]
        yield run(f"data_flip_{at}", png(data=chunk("IDAT", spoilt)), f"data_flip_{at}.png: ")
    yield run("filter_5", png(data=chunk("IDAT", zlib.compress(b"\5" + ROWS[1:]))), "filter")
    yield run("filter_255", png(data=chunk("IDAT", zlib.compress(ROWS[:34] + b"\xff" + ROWS[35:]))),
              "filter")
    yield run("rows_missing_in_row", png(data=chunk("IDAT", zlib.compress(ROWS[:100]))),
              "ot enough image data")
    yield run("interrupted", png(data=chunk("IDAT", z[:20]) + chunk("tEXt", b"a\0b")
                                 + chunk("IDAT", z[20:])), "interrupted.png: ")
    yield run("file_cut_in_data", png()[:-40], "file_cut_in_data.png: ")
    yield run("bomb", repeated(png(head=header(9000, 9000), data=b"", end=b"")
                               + struct.pack(">I", 50000000) + b"IDAT", b"\0", 50000000, b""),
              "bomb.png: ")


def chunks():
    yield run("crc_text", png(chunk("tEXt", b"a\0b", crc=1)), "checksum is")
    yield run("crc_gamma", png(chunk("gAMA", b"\0\1\x86\xa0", crc=1)), "checksum is")
    yield run("crc_unknown", png(chunk("abCd", b"x", crc=1)), "checksum is")
    yield run("crc_cut", png(data=b"", end=b"")[:-2], "cut off")
    yield run("chunk_huge", png(chunk("tEXt", b"a", length=(1 << 31) - 1)), "truncated")
    yield run("chunk_2_32", png(chunk("tEXt", b"a", length=(1 << 32) - 1)), "truncated")
    yield run("chunk_name_bad", png(chunk(b"\0\1\2\3")), "no chunk name")
    yield run("end_first", MAGIC + header() + END + DATA, "before any image data")
    yield run("palette_257", png(chunk("PLTE", b"\1\2\3" * 257), head=header(colour=3)),
              "palette of 257")
    yield run("text_bomb", png(chunk("zTXt", b"a\0\0" + zlib.compress(b"x" * 2000000))),
              "inflates to more than 1048576")
    yield run("profile_bomb", png(chunk("iCCP", b"a\0\0" + zlib.compress(b"x" * 2000000))),
              "inflates to more than 1048576")
    one = chunk("zTXt", b"a\0\0" + zlib.compress(b"x" * 1000000))
    yield run("text_bombs", png(*[one] * 100), "above the limit of")
    yield run("profile_bombs", png(*[chunk("iCCP", b"a\0\0" + zlib.compress(b"x" * 1000000))]
                                   * 3000), "above the limit of")
    yield run("million_chunks", repeated(MAGIC + header(), chunk("abCd"), 1200000, DATA + END),
              "chunks")
    yield run("frame_outside", png(chunk("acTL", struct.pack(">II", 2, 0)), chunk(
        "fcTL", struct.pack(">IIIIIHHBB", 0, W, H, 5, 5, 1, 1, 0, 0))), "out of the picture")
    yield Case("fifo", {"fifo.png": fifo}, ["fifo.png"], "not a regular file")
    yield Case("is_folder", {"d/f.png": folder}, ["d/f.png"], "f.png")
    yield run("device", link("/dev/zero"), "not a regular file")
    yield run("dangling", link("nowhere"), "No such file")


def tall(width, height):
    """One colour, grey of one bit."""
    row = b"\0" * (1 + (width + 7) // 8)
    packer = zlib.compressobj()
    n = max(1, (1 << 20) // len(row))
    pieces = [packer.compress(row * min(n, height - at)) for at in range(0, height, n)]
    return png(head=header(width, height, 1, 0),
               data=chunk("IDAT", b"".join(pieces) + packer.flush()))


def accepted():
    z = zlib.compress(ROWS)
    yield run("good", png())
    for kind in ("gAMA", "cHRM", "sRGB", "pHYs", "iCCP", "tEXt", "zTXt", "iTXt", "bKGD", "hIST",
                 "sBIT", "tIME", "eXIf", "oFFs", "sPLT", "cICP", "tRNS"):
        yield run(f"{kind}_empty", png(chunk(kind)))
        yield run(f"{kind}_short", png(chunk(kind, b"\1")))
        yield run(f"{kind}_odd", png(chunk(kind, b"\xff" * 37)))
    for kind in ("gAMA", "iCCP", "zTXt", "eXIf"):
        yield run(f"{kind}_after", png(end=chunk(kind, b"\1") + END))
    yield run("profile_garbage", png(chunk("iCCP", b"name\0\0" + b"\xff" * 100)))
    yield run("profile_method_7", png(chunk("iCCP", b"name\0\7" + z)))
    yield run("text_garbage", png(chunk("zTXt", b"name\0\0" + b"\xff" * 100)))
    yield run("text_method_7", png(chunk("zTXt", b"name\0\7" + z)))
    yield run("exif_garbage", png(chunk("eXIf", b"II*\0" + b"\xff" * 50)))
    yield run("unknown_chunk", png(chunk("abCd", b"x" * 1000)))
    yield run("thousand_chunks", png(*[chunk("abCd", b"x")] * 1000))
    yield run("bytes_behind", png() + b"behind" * 100)
    yield run("second_picture_behind", png() + photo())
    yield run("no_end", png(end=b""))
    yield run("data_claims_more", png(data=chunk("IDAT", z, length=1 << 30), end=b""))
    yield run("data_in_pieces", png(data=b"".join(chunk("IDAT", z[i:i + 1])
                                                  for i in range(len(z)))))
    yield run("data_crc", png(data=chunk("IDAT", z, crc=1)))
    yield run("end_crc", png(end=chunk("IEND", crc=1)))
    yield run("more_data", png(data=chunk("IDAT", zlib.compress(ROWS * 3))))
    yield run("one_pixel", png(head=header(1, 1), data=chunk("IDAT", zlib.compress(b"\0\1\2\3"))))
    yield run("tall_100_million", tall(1, 100000000))
    yield run("wide_100_million", tall(100000000, 1))
    yield run("tall_squashed", tall(1, 100000000), None, "--recipe", "hf")
    yield run("wide_squashed", tall(100000000, 1), None, "--recipe", "hf")
    yield run("wide", png(head=header(30000, 1), data=chunk(
        "IDAT", zlib.compress(b"\0" + b"\1\2\3" * 30000))))
    yield Case("link", {"link.png": link("real"), "real": png()}, ["link.png"])
    yield Case("no_extension", {"noext": png()}, ["noext"])
    yield Case("name_lies", {"lies.jpg": png()}, ["lies.jpg"])
    with open(FIXTURES + "/images/rgb8_adam7.png", "rb") as f:
        yield run("interlaced", f.read())


def cases():
    yield from heads()
    yield from data()
    yield from chunks()
    yield from accepted()
