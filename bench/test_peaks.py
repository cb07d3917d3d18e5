"""The loops that measure peaks are what they claim: one instruction, and nothing on the stack.

    test_peaks.py LIBRARY...

A compiler that moves sums to the stack makes a loop read a part of the truth, which flatters
every percentage.  So the loops are disassembled: where the object has a loop of an instruction
that multiplies, nothing else is in it but the count and the jump.
"""

import re
import shutil
import subprocess
import sys
import unittest

# What the loop of each library repeats, and how often at least: the chains that it needs.
LOOPS = {
    "scalar": [({"mulps", "addps"}, 14)],
    "avx2": [({"vfmadd213ps"}, 10)],
    "avx512": [({"vfmadd213ps"}, 10)],
    "avx512_bf16": [({"vdpbf16ps"}, 12), ({"vpdpbusd"}, 12)],
    "amx": [({"tdpbf16ps"}, 4), ({"tdpbssd"}, 4)],
    "clock": [({"add"}, 64)],
}
COUNTING = {"dec", "sub", "add", "cmp", "inc", "jne", "jb", "ja", "nop", "xchg", "data16"}
LINE = re.compile(r"^\s*([0-9a-f]+):\s+(?:\{\w+\}\s+)?([a-z][a-z0-9]*)\s*(.*)$")


def instructions(library):
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library], check=True,
                          stdout=subprocess.PIPE, encoding="utf-8").stdout
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            yield int(match.group(1), 16), match.group(2), match.group(3)
        elif line.endswith(">:"):
            yield None  # another function


def find_loops(code):
    """Innermost loops: lists of (mnemonic, operands)."""
    function = []
    for entry in code:
        if entry is None:
            function = []
            continue
        address, mnemonic, operands = entry
        function.append(entry)
        target = re.match(r"([0-9a-f]+)\b", operands)
        if not mnemonic.startswith("j") or not target:
            continue
        start = int(target.group(1), 16)
        if start <= address and any(a == start for a, _, _ in function):
            body = [(m, o) for a, m, o in function if a >= start]
            if not any(m.startswith("j") for m, _ in body[:-1]):
                yield body


def complaints(loops, wanted, count):
    """What is wrong with the one loop that has the wanted instructions."""
    fits = [body for body in loops if wanted <= {m for m, _ in body}]
    if len(fits) != 1:
        return ["%d loops have %s" % (len(fits), sorted(wanted))]
    found = []
    if sum(m in wanted for m, _ in fits[0]) < count:
        found.append("fewer than %d of %s" % (count, sorted(wanted)))
    for mnemonic, operands in fits[0]:
        if mnemonic not in wanted | COUNTING:
            found.append("%s %s does something else" % (mnemonic, operands))
        if re.search(r"%[re][sb]p\b", operands):
            found.append("%s %s uses the stack" % (mnemonic, operands))
    return found


class Loops(unittest.TestCase):
    def test_a_spill_is_seen(self):
        good = [(0, "vpdpbusd", "%zmm1,%zmm2,%zmm3"), (6, "dec", "%rdi"), (9, "jne", "0 <f>")]
        self.assertEqual(complaints(list(find_loops(good)), {"vpdpbusd"}, 1), [])
        spill = [good[0], (4, "vmovdqa64", "%zmm3,0x40(%rsp)"), *good[1:]]
        self.assertEqual(len(complaints(list(find_loops(spill)), {"vpdpbusd"}, 1)), 2)
        operand = [(0, "vpdpbusd", "0x40(%rsp),%zmm2,%zmm3"), *good[1:]]
        self.assertEqual(len(complaints(list(find_loops(operand)), {"vpdpbusd"}, 1)), 1)
        self.assertEqual(len(complaints(list(find_loops(good)), {"vpdpbusd"}, 2)), 1)
        self.assertEqual(len(complaints([], {"vpdpbusd"}, 1)), 1)

    def test_nothing_but_the_instruction(self):
        for library in libraries:
            isa = re.search(r"libpeak_(\w+)\.a$", library).group(1)
            loops = list(find_loops(instructions(library)))
            for wanted, count in LOOPS[isa]:
                with self.subTest(isa=isa, instructions=sorted(wanted)):
                    self.assertEqual(complaints(loops, wanted, count), [])


if __name__ == "__main__":
    libraries = sys.argv[1:]
    if not shutil.which("objdump"):
        print("skipped: there is no objdump")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
