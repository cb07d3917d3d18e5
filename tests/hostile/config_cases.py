"""config.json and preprocessor_config.json: broken JSON, impossible values, contradictions."""

import json

from case import Case, fifo, folder, link, photo, plain_model, repeated


def place(name, file, content, words, args=(), code=1):
    if not isinstance(content, bytes) and not callable(content):
        content = json.dumps(content).encode()
    files = {"m/model.safetensors": plain_model().save, "m/" + file: content, "a.png": photo()}
    return Case(name, files, ["-m", "m", *args, "a.png"], words, code if words else 0)


def config(name, content, words=None, *args, **more):
    return place("config_" + name, "config.json", content, words, args, **more)


def recipe(name, content, words=None, *args, **more):
    return place("recipe_" + name, "preprocessor_config.json", content, words,
                 args or ("--recipe", "hf"), **more)


def syntax():
    for one in (config, recipe):
        yield one("json_empty", b"", ".json:1: ")
        yield one("json_text", b"hello", "expected near 'hello'")
        yield one("json_unclosed", b'{"a": [1, 2', ".json:1: ")
        yield one("json_comma", b'{"a": 1,}', ".json:1: ")
        yield one("json_comment", b'{} // so', "end of file expected")
        yield one("json_list", b"[]", "is an array, not an object")
        yield one("json_number", b"5", ".json")
        yield one("json_duplicate", b'{"a":1,"a":2}', "duplicate object key")
        yield one("json_not_utf8", b'{"a":"\xff"}', "unable to decode byte 0xff")
        yield one("json_zero", b'{"a":"\\u0000"}', "\\u0000")
        yield one("json_raw_zero", b'{"a":"\0"}', ".json:1: ")
        yield one("json_nan", b'{"layer_norm_eps": NaN}', "invalid token")
        yield one("json_integer_of_30_digits", b'{"a":' + b"9" * 30 + b"}", "too big integer")
        yield one("json_real_too_large", b'{"a":1e999}', "real number overflow")
        yield one("json_nested_101", b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "nested 101 deep")
        yield one("json_nested_100000", b'{"a":' + b"[" * 100000, "nested 101 deep")
        yield one("json_too_large", repeated(b'{"a":"', b"x", 34000000, b'"}'), "are read")
        yield one("json_utf16", '{"a":1}'.encode("utf-16"), ".json:1: ")
        yield one("json_fifo", fifo, "not a regular file")
        yield one("json_folder", folder, "not a regular file")
        yield one("json_device", link("/dev/zero"), "not a regular file")
        yield one("json_dangling", link("nowhere"), "No such file")


    yield config("wide", repeated(b'{"a":[', b"{},", 1000000, b"{}]}"), "500000 JSON values")


def contradictions():
    for key, value, names in (
            ("hidden_size", 60, ["hidden_size 60", "(1, 1, 64)"]),
            ("num_hidden_layers", 2, ["num_hidden_layers 2", "1 blocks"]),
            ("intermediate_size", 256, ["intermediate_size 256", "(128, 64)"]),
            ("num_channels", 4, ["num_channels 4", "(64, 3, 8, 8)"]),
            ("num_labels", 10, ["num_labels 10", "(12, 64)"]),
            ("patch_size", 16, ["patch_size 16", "(64, 3, 8, 8)"]),
            ("qkv_bias", False, ["qkv_bias false", "is there"]),
            ("num_attention_heads", 3, ["num_attention_heads 3", "width 64"]),
            ("image_size", 7, ["7 x 7", "8 x 8"])):
        yield config("against_" + key, {key: value}, names)
    names = {str(i): str(i) for i in range(10)}
    yield config("against_id2label", {"id2label": names}, ["id2label has 10 names", "12 classes"])
    timm = {"architecture": "deit_x", "pretrained_cfg": {}}
    for key, value, words in (
            ("embed_dim", 60, ["embed_dim 60", "(1, 1, 64)"]),
            ("depth", 3, ["depth 3", "1 blocks"]),
            ("num_heads", 7, ["num_heads 7", "width 64"]), ("mlp_ratio", 4.0, ["mlp_ratio 4"]),
            ("in_chans", 1, ["in_chans 1"]), ("class_token", False, ["class_token false"])):
        yield config("timm_against_" + key, {**timm, "model_args": {key: value}}, words)
    yield config("timm_num_classes", {**timm, "num_classes": 11}, ["num_classes 11", "(12, 64)"])
    yield config("timm_two_widths", {**timm, "num_features": 64, "model_args": {"embed_dim": 65}},
                 ["num_features 64", "embed_dim 65"])


def values():
    for name, key, value, words in (
            ("negative", "hidden_size", -64, "hidden_size is -64, not a size"),
            ("zero", "num_attention_heads", 0, "num_attention_heads is 0, not a size"),
            ("huge", "hidden_size", 1 << 40, "not a size"),
            ("fraction", "num_hidden_layers", 1.0, "is a fraction, not a size"),
            ("text", "hidden_size", "64", "is a string, not a size"),
            ("list", "hidden_size", [64], "is an array, not a size"),
            ("image_text", "image_size", "16", "not a size or a height and a width"),
            ("image_of_three", "image_size", [16, 16, 16], "not a size or"),
            ("image_zero", "image_size", 0, "image_size is 0"),
            ("image_huge", "image_size", 1 << 30, "image_size is 1073741824"),
            ("patch_zero", "patch_size", [0, 8], "patch_size is an array"),
            ("eps_zero", "layer_norm_eps", 0, "layer_norm_eps is 0, not a positive number"),
            ("eps_negative", "layer_norm_eps", -1e-6, "not a positive number"),
            ("eps_text", "layer_norm_eps", "1e-6", "not a positive number"),
            ("bias_number", "qkv_bias", 1, "qkv_bias is 1, not true or false"),
            ("type_number", "model_type", 3, "model_type is 3, not a string"),
            ("labels_number", "id2label", 3, "id2label is an integer"),
            ("labels_key", "id2label", {"x": "a"}, "'x' is not the number of a class")):
        yield config(name, {key: value}, words)
    yield config("eps_overflows", {"layer_norm_eps": 1e300}, "layer_norm_eps")
    yield config("activation", {"hidden_act": "relu"}, "hidden_act 'relu' is not supported",
                 code=2)
    yield config("activation_control", {"hidden_act": "a\x1b[31m\n"}, "is not supported", code=2)
    yield config("grid_large", {"image_size": 1 << 24}, "larger than 2^40 bytes")
    timm = {"architecture": "x", "pretrained_cfg": {}}
    yield config("timm_args_list", {**timm, "model_args": []}, "model_args is an array")
    yield config("timm_pool", {**timm, "global_pool": "map"}, "global_pool 'map'", code=2)
    yield config("timm_mean", {**timm, "pretrained_cfg": {"mean": ["a"] * 3}}, "three numbers")
    yield config("timm_std_0", {**timm, "pretrained_cfg": {"std": [0.0] * 3}}, "no spread")
    yield config("timm_crop", {**timm, "pretrained_cfg": {"crop_pct": -1}}, "a positive number")
    yield config("timm_crop_tiny", {**timm, "pretrained_cfg": {"crop_pct": 1e-300}}, "crop_pct")
    yield config("timm_filter", {**timm, "pretrained_cfg": {"interpolation": "magic"}},
                 "'magic' is not supported", code=2)


def recipes():
    good = {"image_processor_type": "DeiTImageProcessor"}
    for name, key, value, words in (
            ("size_text", "size", "big", "size is a string, not a size"),
            ("size_negative", "size", -1, "not a size"),
            ("size_zero", "size", {"height": 0, "width": 9}, "not a size"),
            ("size_half", "size", {"height": 9}, "not a size"),
            ("size_huge", "size", 1 << 40, "not a size"),
            ("size_fraction", "size", 2.5, "not a size"),
            ("crop_zero", "crop_size", 0, "not a size"),
            ("crop_list", "crop_size", [1, 2, 3], "not a size"),
            ("mean_short", "image_mean", "x", "three numbers"),
            ("mean_text", "image_mean", ["a", "b", "c"], "three numbers"),
            ("std_zero", "image_std", [1, 0, 1], "no spread"),
            ("std_negative", "image_std", [-1, 1, 1], "no spread"),
            ("resample_text", "resample", [], "resample is an array"),
            ("flag_text", "do_resize", "yes", "true or false"),
            ("rescale_zero", "rescale_factor", 0, "a positive number"),
            ("rescale_text", "rescale_factor", "1/255", "a positive number")):
        yield recipe(name, {**good, key: value}, words)
    yield recipe("resample_9", {**good, "resample": 9}, "resample 9 is not supported", code=2)
    yield recipe("resample_min", {**good, "resample": -(1 << 63)}, "is not supported", code=2)
    yield recipe("processor", {"image_processor_type": "x\x1b[31m"}, "is not known", code=2)
    yield recipe("mean_of_four", {**good, "image_mean": [0.5] * 4}, "4 channels", code=2)


def accepted():
    yield config("empty_object", {})
    yield config("right", {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1,
                           "image_size": 16, "patch_size": [8, 8], "layer_norm_eps": 1e-12})
    yield config("unknown_keys", {"colour": "red", "deep": {"a": [1, {"b": None}]}})
    yield config("nulls", {"hidden_size": None, "image_size": None, "id2label": None})
    yield config("eps_underflows", {"layer_norm_eps": 1e-300})
    yield config("nested_100", b'{"a":' + b"[" * 99 + b"]" * 99 + b"}")
    yield config("blank_around", b" \n\t{ } \n")
    yield config("names_escaped", {"id2label": {str(i): "\x1b[31m\u202e" for i in range(12)}})
    yield config("long_text", {"a": "x" * 1000000, "b": "[{,:" * 300000})
    yield config("link", link("other"))
    yield recipe("empty_object", {}, None, "--recipe", "timm")
    yield recipe("unknown_processor", {"image_processor_type": "Zebra"}, None, "--recipe", "timm")
    yield recipe("good", {"image_processor_type": "DeiTImageProcessor", "colour": 5,
                          "size": {"height": 20, "width": 20}, "crop_size": 16})
    yield recipe("crop_larger", {"image_processor_type": "DeiTImageProcessor", "size": 10,
                                 "crop_size": 16})


def cases():
    yield from syntax()
    yield from contradictions()
    yield from values()
    yield from recipes()
    for case in accepted():
        if case.name == "config_link":
            case.files["m/other"] = b"{}"
        yield case
