"""Class names: text and JSON that are wrong, and names that would fool a reader."""

import json

from case import Case, fifo, folder, link, photo, plain_model, repeated

NAMES = [f"name {i}" for i in range(12)]


def run(name, content, words=None, *args, **more):
    return Case(name, {"m.safetensors": plain_model().save, "a.png": photo(), "labels": content},
                ["-m", "m.safetensors", "-k", "12", "-l", "labels", *args, "a.png"], words, **more)


def text(names, end="\n"):
    return end.join(names).encode() + end.encode()


def lists():
    yield run("empty", b"", "0 names, but the model has 12")
    yield run("one_name", b"cat\n", "1 name, but the model has 12")
    yield run("eleven", text(NAMES[:11]), "11 names, but")
    yield run("zero_byte", text(NAMES).replace(b"3", b"\0"), "zero byte")
    yield run("utf16", text(NAMES).decode().encode("utf-16"), "zero byte")
    yield run("only_blank_lines", b"\n" * 20, "0 names, but")
    yield run("only_bom", b"\xef\xbb\xbf", "0 names, but")
    yield run("million_lines", repeated(b"", b"x\n", 1000001, b""), "limit of 1000000")
    yield run("too_large", repeated(b"", b"x" * 99 + b"\n", 200000, b""), "at most 16777216")
    yield run("fifo", fifo, "not a regular file")
    yield run("is_folder", folder, "not a regular file")
    yield run("device", link("/dev/zero"), "not a regular file")
    yield run("dangling", link("nowhere"), "No such file")
    yield run("link_loop", link("labels"), "Too many levels")
    yield run("text_then_zero", text(NAMES) + b"\0", "zero byte")
    yield run("blank_then_zero", b"\0" * 100, "zero byte")


def objects():
    def one(name, value, words=None, **more):
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        return run("json_" + name, content, words, **more)

    good = {str(i): n for i, n in enumerate(NAMES)}
    yield one("unclosed", b'{"id2label":', "labels:1: ")
    yield one("neither", {"labels": NAMES}, 'has neither "id2label"')
    yield one("number", {"id2label": 5}, "is an integer, not a list of names")
    yield one("text", {"id2label": "cat"}, "is a string")
    yield one("null", {"id2label": None}, "is null")
    yield one("number_as_name", {"id2label": {**good, "3": 7}}, "class 3 is an integer")
    yield one("list_of_numbers", NAMES[:5] + [5], "class 5 is an integer")
    yield one("null_in_list", NAMES[:11] + [None], "class 11 is null")
    yield one("key_word", {"id2label": {"one": "a"}}, "'one' is not the number of a class")
    yield one("key_negative", {"id2label": {"-1": "a"}}, "'-1' is not the number")
    yield one("key_empty", {"id2label": {"": "a"}}, "'' is not the number")
    yield one("key_blank", {"id2label": {" 1": "a"}}, "' 1' is not the number")
    yield one("key_fraction", {"id2label": {"1.0": "a"}}, "'1.0' is not the number")
    yield one("key_huge", {"id2label": {"99999999999": "a"}}, "is not the number")
    yield one("key_million", {"id2label": {"1000000": "a"}}, "limit of 1000000")
    yield one("key_nine_digits", {"id2label": {"999999999": "a"}}, "limit of 1000000")
    yield one("duplicate", b'{"id2label":{"0":"a","0":"b"}}', "duplicate object key")
    yield one("too_few", {"id2label": {"0": "a"}}, "1 name, but the model has 12")
    yield one("nested_101", b"[" * 101 + b"]" * 101, "nested 101 deep")
    yield one("nested_100000", b"[" * 100000, "nested 101 deep")
    yield one("not_utf8", b'["\xff"]', "unable to decode byte 0xff")
    yield one("zero", b'["a\\u0000"]', "\\u0000")
    yield one("text_behind", b'["a"] x', "end of file expected")
    yield run("json_wide", repeated(b"[", b"[],", 1000000, b"[]]"), "500000 JSON values")
    yield one("label_names_number", {"label_names": 3}, "is an integer")
    yield one("two_names", {"id2label": {"0": "a", "00": "b"}}, "name")


def accepted():
    odd = NAMES[:]
    odd[0] = "\u202egnp.exe"
    yield run("good", text(NAMES), shows="name 3")
    yield run("crlf", text(NAMES, "\r\n"), shows="name 3\n")
    yield run("no_last_newline", text(NAMES)[:-1], shows="name 11")
    yield run("bom", b"\xef\xbb\xbf" + text(NAMES), shows="name 0")
    yield run("blank_line", text([*NAMES[:3], "", *NAMES[4:]]), shows="class 3")
    yield run("more_names", text(NAMES * 5), shows="name 3")
    yield run("bidi", text(odd), shows="\\u202egnp.exe")
    for name, raw, shown in (("escape", b"\x1b[31mred", "\\u001b[31mred"),
                             ("bell", b"a\x07b", "a\\u0007b"), ("delete", b"a\x7fb", "a\\u007fb"),
                             ("c1", b"a\xc2\x9bb", "a\\u009bb"),
                             ("not_utf8", b"a\xffb", "a\ufffdb"),
                             ("cut_utf8", b"a\xe2\x82", "a\ufffd"),
                             ("surrogate", b"a\xed\xa0\x80b", "\ufffdb"),
                             ("line_separator", "a\u2028b".encode(), "a\\u2028b"),
                             ("carriage_return", b"a\rb", "a\\u000db"),
                             ("tab", b"a\tb", "a\\u0009b")):
        lines = text(NAMES).split(b"\n")
        lines[5] = raw
        yield run("shows_" + name, b"\n".join(lines), shows=shown)
        yield run("csv_" + name, b"\n".join(lines), None, "-f", "csv", shows=shown)
    yield run("long_name", text(["n" * 100000] + NAMES[1:]), shows="nnnn")
    yield run("quotes_in_csv", text(['a "b", c'] + NAMES[1:]), None, "-f", "csv",
              shows='"a ""b"", c"')
    yield run("json_list", json.dumps(NAMES).encode(), shows="name 3")
    yield run("json_blank_in_front", b" \n\t" + json.dumps(NAMES).encode(), shows="name 3")
    yield run("json_bom", b"\xef\xbb\xbf" + json.dumps(NAMES).encode(), shows="name 3")
    yield run("json_more_keys", json.dumps({"a": 1, "label_names": NAMES}).encode(),
              shows="name 3")
    yield run("json_escapes", json.dumps(["\x1b\u202e\ud83d\ude00"] + NAMES[1:]).encode(),
              shows="\\u001b\\u202e")
    yield run("json_nested_100", json.dumps({"id2label": NAMES, "deep": 0}).replace(
        "0}", "[" * 99 + "]" * 99 + "}").encode(), shows="name 3")
    yield run("gap", json.dumps({"id2label": {str(i): "n" for i in range(0, 24, 2)}}).encode(),
              shows="class 3")


def cases():
    yield from lists()
    yield from objects()
    yield from accepted()
