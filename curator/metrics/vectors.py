"""What numba has no word for: 8 bytes of an array as one number, tests of 64 neighbours at a time that give one bit each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

intrinsic: Any = extending.intrinsic  # what it makes is called without the first argument

COMPRESSES = "+avx512vbmi2"  # ... that puts together those of 64 bytes that have a bit
PERMUTES = "+avx512vbmi"  # the feature of a processor that looks 64 bytes up in a table of 128
SHUFFLES = {  # ... that look some bytes up in a table of 16: how many
    "+avx512bw": (64, "llvm.x86.avx512.pshuf.b.512"),
    "+avx2": (32, "llvm.x86.avx2.pshuf.b"),
    "+ssse3": (16, "llvm.x86.ssse3.pshuf.b.128"),
}
SETS = 6  # of `in_sets64`
LANES = 64  # of `within`: an array that it reads must go on for as many elements behind the last that matters


@intrinsic
def load64(typingctx: Any, array: Any, index: Any) -> Any:
    """The 8 bytes from `array[index]` on, little-endian on every machine that numba knows."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = builder.load(builder.bitcast(_address(context, builder, signature, args), ir.IntType(64).as_pointer()))
        found.align = 1
        return found

    return types.uint64(array, types.int64), code


@intrinsic
def spread64(typingctx: Any, array: Any, index: Any, data: Any, start: Any) -> Any:
    """Write 64 bytes from `data[start]` on, each as an element of its own, to `array[index]` and on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.VectorType(context.get_value_type(signature.args[0].dtype), LANES)
        found = _neighbours(context, builder, signature, args, 2)
        return _put(context, builder, signature, args, builder.zext(found, wide))

    return types.void(array, types.int64, data, types.int64), code


@intrinsic
def spell64(typingctx: Any, array: Any, index: Any, data: Any, start: Any, bits: Any) -> Any:
    """Write the code points of the characters of UTF-8 that begin at `data[start + k]`, for each bit k that is set, to
    `array[index]` and on; 64 elements from there on may be written over, and three bytes behind the 64 are read."""

    def spelled(builder: Any, parts: Any) -> Any:
        """Of vectors of the first, second, third and fourth bytes."""
        wide = ir.VectorType(ir.IntType(32), parts[0].type.count)

        def all_of(value: int, kind: Any = wide) -> Any:
            return ir.Constant(kind, [value] * kind.count)

        found = builder.shl(builder.zext(parts[0], wide), all_of(18))
        for part, shift in zip(parts[1:], (12, 6, 0)):
            low = builder.zext(builder.and_(part, all_of(0x3F, part.type)), wide)
            found = builder.or_(found, builder.shl(low, all_of(shift)))
        shift, mask = all_of(18), all_of(0x7F)
        for first, then, most in ((0xC0, 12, 0x7FF), (0xE0, 6, 0xFFFF), (0xF0, 0, 0x1FFFFF)):
            longer = builder.icmp_unsigned(">=", parts[0], all_of(first, parts[0].type))
            shift, mask = builder.select(longer, all_of(then), shift), builder.select(longer, all_of(most), mask)
        return builder.and_(builder.lshr(found, shift), mask)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        to, at, data, start, bits = args

        def bytes_from(place: Any, many: int) -> list[Any]:
            places = [builder.add(place, place.type(k)) for k in range(4)]
            return [_neighbours(context, builder, signature, [to, at, data, place], 2, many) for place in places]

        if COMPRESSES in context.codegen().magic_tuple()[2]:
            parts = [_compressed(builder, part, bits) for part in bytes_from(start, LANES)]
            return _put(context, builder, signature, args, spelled(builder, parts))
        left = cgutils.alloca_once_value(builder, bits)
        with cgutils.for_range(builder, builder.ctpop(bits)) as loop:
            now = builder.load(left)
            place = builder.add(start, builder.cttz(now, ir.Constant(ir.IntType(1), 0)))
            _put(context, builder, signature, [to, builder.add(at, loop.index)], spelled(builder, bytes_from(place, 1)))
            builder.store(builder.and_(now, builder.sub(now, now.type(1))), left)
        return context.get_dummy_value()

    return types.void(array, types.int64, data, types.int64, types.uint64), code


def lookup64(values: Callable[[], Sequence[int]], commonest: int) -> Any:
    """A function that writes to `array[index]` and on what a table has for each of the 64 bytes from `data[start]` on; anything
    for bytes from 128 on. Some processors have an instruction for it; for others it is faster the more of the table is 0 or,
    from some place to some place, the `commonest` value. The table is asked for when the function is compiled."""

    @intrinsic
    def look_up(typingctx: Any, array: Any, index: Any, data: Any, start: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            keys = _neighbours(context, builder, signature, args, 2)
            table = list(values())
            if PERMUTES in context.codegen().magic_tuple()[2]:
                found = _permuted(builder, keys, table)
            else:
                found = ir.Constant(keys.type, [0] * LANES)
                for low, high, value in _painted(table, commonest):
                    many = [ir.Constant(keys.type, [n] * LANES) for n in (low, high - low, value)]
                    inside = builder.icmp_unsigned("<=", builder.sub(keys, many[0]), many[1])
                    found = builder.select(inside, many[2], found)
            return _put(context, builder, signature, args, found)

        return types.void(array, types.int64, data, types.int64), code

    return look_up


def _permuted(builder: Any, keys: Any, values: list[int]) -> Any:
    """Each key's value in a table of 128."""
    halves = [ir.Constant(keys.type, values[first : first + LANES]) for first in (0, LANES)]
    kind = ir.FunctionType(keys.type, [keys.type] * 3)
    permute = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpermi2var.qi.512")
    return builder.call(permute, [halves[0], keys, halves[1]])


def _painted(values: list[int], commonest: int) -> list[tuple[int, int, int]]:
    """Ranges and their values, each over those before, that make the table of a table of zeros."""
    ground = [i for i, value in enumerate(values) if value == commonest]
    ranges, at = [(ground[0], ground[-1], commonest)], 0
    for value, run in itertools.groupby(values):
        end = at + len(list(run))
        if value not in (0, commonest) or (value == 0 and ground[0] < at < ground[-1]):
            ranges.append((at, end - 1, value))
        at = end
    return ranges


@intrinsic
def count64(typingctx: Any, array: Any, index: Any, first: Any) -> Any:
    """Write `first` and the 63 numbers after it to `array[index]` and on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        many = ir.VectorType(context.get_value_type(signature.args[0].dtype), LANES)
        found = builder.add(_everywhere(builder, many, args[2]), ir.Constant(many, list(range(LANES))))
        return _put(context, builder, signature, args, found)

    return types.void(array, types.int64, array.dtype), code


@intrinsic
def within(typingctx: Any, array: Any, index: Any, low: Any, high: Any) -> Any:
    """Bit k says whether `low <= array[index + k] <= high`, for k from 0 to 63; for arrays of unsigned numbers."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _inside(builder, _neighbours(context, builder, signature, args), args[2], args[3])

    return types.uint64(array, types.int64, array.dtype, array.dtype), code


@intrinsic
def within_few(typingctx: Any, array: Any, index: Any, low: Any, high: Any) -> Any:
    """What `within` says, for a range below the greatest number of the type of `low`, which is narrower than the array's:
    looks at a quarter or half of the bytes."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = _neighbours(context, builder, signature, args)
        most = ir.Constant(found.type, [(1 << low.bitwidth) - 1] * LANES)
        found = builder.select(builder.icmp_unsigned("<", found, most), found, most)
        found = builder.trunc(found, ir.VectorType(ir.IntType(low.bitwidth), LANES))
        return _inside(builder, found, args[2], args[3])

    return types.uint64(array, types.int64, low, low), code


@intrinsic
def low_alike(typingctx: Any, array: Any, index: Any, mask: Any, value: Any) -> Any:
    """Bit k says whether the lowest byte of `array[index + k]` is `value` in the bits of `mask`: looks at a quarter of what
    `within` does."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        many = ir.VectorType(ir.IntType(8), LANES)
        found = builder.trunc(_neighbours(context, builder, signature, args), many)
        found = builder.and_(found, _everywhere(builder, many, args[2]))
        return builder.bitcast(builder.icmp_unsigned("==", found, _everywhere(builder, many, args[3])), ir.IntType(LANES))

    return types.uint64(array, types.int64, types.uint8, types.uint8), code


@intrinsic
def in_sets64(typingctx: Any, keys: Any, start: Any, sets: Any) -> Any:
    """Bit k says whether there is a bit that `sets` has for each of the bytes from `keys[start + k]` on, SETS of them: for each
    16 bytes by its lower four bits and 16 by its upper four."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        features = context.codegen().magic_tuple()[2]
        lanes, shuffle = next((how for feature, how in SHUFFLES.items() if feature in features), (1, ""))
        many = ir.VectorType(ir.IntType(8), lanes)
        again = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [lane % 16 for lane in range(lanes)])

        def looked_up(row: int, places: Any) -> Any:
            at = args[1].type(16 * row)
            if not shuffle:
                at = builder.add(at, builder.zext(builder.extract_element(places, ir.IntType(32)(0)), at.type))
                return _neighbours(context, builder, signature, [*args, at], 2, 1)
            table = _neighbours(context, builder, signature, [*args, at], 2, 16)
            table = builder.shuffle_vector(table, ir.Constant(table.type, ir.Undefined), again)
            kind = ir.FunctionType(many, [many, many])
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, shuffle), [table, places])

        found = cgutils.alloca_once_value(builder, ir.IntType(LANES)(0))
        with cgutils.for_range(builder, args[1].type(LANES // lanes)) as part:
            first = builder.mul(part.index, args[1].type(lanes))
            met = ir.Constant(many, [0xFF] * lanes)
            for k in range(SETS):
                at = builder.add(args[1], builder.add(first, args[1].type(k)))
                held = _neighbours(context, builder, signature, [args[0], at], 0, lanes)
                low, high = ir.Constant(many, [0xF] * lanes), ir.Constant(many, [4] * lanes)
                met = builder.and_(met, looked_up(2 * k, builder.and_(held, low)))
                met = builder.and_(met, looked_up(2 * k + 1, builder.lshr(held, high)))
            bits = builder.icmp_unsigned("!=", met, ir.Constant(many, [0] * lanes))
            bits = builder.zext(builder.bitcast(bits, ir.IntType(lanes)), ir.IntType(LANES))
            builder.store(builder.or_(builder.load(found), builder.shl(bits, first)), found)
        return builder.load(found)

    return types.uint64(keys, types.int64, sets), code


@intrinsic
def lowest(typingctx: Any, bits: Any) -> Any:
    """The number of the lowest bit that is set, 64 if there is none."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), code


@intrinsic
def highest(typingctx: Any, bits: Any) -> Any:
    """The number of the highest bit that is set, -1 if there is none."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.sub(ir.Constant(ir.IntType(64), 63), builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0)))

    return types.int64(types.uint64), code


def _compressed(builder: Any, values: Any, bits: Any) -> Any:
    """Those of a vector that have a bit, without those that have none."""
    lanes, width = values.type.count, values.type.element.width
    marks = ir.VectorType(ir.IntType(1), lanes)
    kind = ir.FunctionType(values.type, [values.type, marks, values.type])
    compress = cgutils.get_or_insert_function(builder.module, kind, f"llvm.experimental.vector.compress.v{lanes}i{width}")
    return builder.call(compress, [values, builder.bitcast(bits, marks), ir.Constant(values.type, ir.Undefined)])


@intrinsic
def keep64(typingctx: Any, array: Any, index: Any, data: Any, start: Any, bits: Any) -> Any:
    """Write `data[start + k]`, 32-bit numbers, for each bit k that is set to `array[index]` and on, where 64 elements may be
    written over. Returns the index behind the last. No branch, whatever the bits are."""
    few = 16  # that a processor puts together at a time

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        to, at, data, start, bits = args
        wide = ir.VectorType(context.get_value_type(signature.args[0].dtype), few)
        for part in range(0, LANES, few):
            place = builder.add(start, start.type(part))
            some = builder.trunc(builder.lshr(bits, bits.type(part)), ir.IntType(few))
            found = _compressed(builder, _neighbours(context, builder, signature, [to, at, data, place], 2, few), some)
            _put(context, builder, signature, [to, at], builder.zext(found, wide))
            at = builder.add(at, builder.zext(builder.ctpop(some), at.type))
        return at

    return types.int64(array, types.int64, data, types.int64, types.uint64), code


_PLACES = [[k for k in range(8) if byte >> k & 1] + [0] * (8 - byte.bit_count()) for byte in range(256)]


@intrinsic
def list64(typingctx: Any, array: Any, index: Any, bits: Any, first: Any) -> Any:
    """For each bit k that is set, write `first` + k to `array[index]` and on, 32-bit numbers; LANES elements from there
    on may be written over. Returns the index behind the last. No branch, whatever the bits are."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if COMPRESSES in context.codegen().magic_tuple()[2]:
            numbers = ir.Constant(ir.VectorType(ir.IntType(8), LANES), list(range(LANES)))
            many = ir.VectorType(ir.IntType(32), LANES)
            found = builder.zext(_compressed(builder, numbers, args[2]), many)
            first = _everywhere(builder, many, builder.trunc(args[3], many.element))
            _put(context, builder, signature, args, builder.add(found, first))
            return builder.add(args[1], builder.ctpop(args[2]))
        few, many = ir.VectorType(ir.IntType(8), 8), ir.VectorType(ir.IntType(32), 8)
        table = ir.Constant(ir.ArrayType(few, 256), [ir.Constant(few, row) for row in _PLACES])
        held = cgutils.global_constant(builder, "places", table)
        at, bits, start = args[1], args[2], builder.trunc(args[3], many.element)
        for part in range(0, LANES, 8):
            byte = builder.and_(builder.lshr(bits, bits.type(part)), bits.type(0xFF))
            found = builder.zext(builder.load(builder.gep(held, [byte.type(0), byte])), many)
            found = builder.add(found, _everywhere(builder, many, builder.add(start, start.type(part))))
            _put(context, builder, signature, [args[0], at], found)
            at = builder.add(at, builder.ctpop(byte))
        return at

    return types.int64(array, types.int64, types.uint64, types.int64), code


@intrinsic
def count(typingctx: Any, bits: Any) -> Any:
    """How many bits are set."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), code


@intrinsic
def before(typingctx: Any, bits: Any, last: Any, by: Any) -> Any:
    """The bits of the places `by` before, from 1 to 63; `last` are those of the 64 places before."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.or_(builder.shl(args[0], args[2]), builder.lshr(args[1], builder.sub(args[2].type(LANES), args[2])))

    return types.uint64(types.uint64, types.uint64, types.int64), code


@intrinsic
def after(typingctx: Any, bits: Any, ahead: Any, by: Any) -> Any:
    """The bits of the places `by` after, from 1 to 63; `ahead` are those of the 64 places after."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.or_(builder.lshr(args[0], args[2]), builder.shl(args[1], builder.sub(args[2].type(LANES), args[2])))

    return types.uint64(types.uint64, types.uint64, types.int64), code


@intrinsic
def below(typingctx: Any, number: Any) -> Any:
    """The lowest so many bits: none below 1, all from 64 on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one, most = args[0].type(1), args[0].type(LANES)
        some = builder.sub(builder.shl(one, args[0]), one)
        some = builder.select(builder.icmp_signed(">=", args[0], most), args[0].type(-1), some)
        return builder.select(builder.icmp_signed("<", args[0], one), args[0].type(0), some)

    return types.uint64(types.int64), code


@intrinsic
def copy(typingctx: Any, array: Any, index: Any, data: Any, start: Any, length: Any) -> Any:
    """Write `length` elements from `data[start]` on to `array[index]` and on; the arrays are not the same."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        to, source = (_address(context, builder, signature, args, which) for which in (0, 2))
        cgutils.raw_memcpy(builder, to, source, args[4], context.get_abi_sizeof(context.get_value_type(data.dtype)))
        return context.get_dummy_value()

    return types.void(array, types.int64, data, types.int64, types.int64), code


def _address(context: Any, builder: Any, signature: Any, args: Any, which: int = 0) -> Any:
    """Of an array's element: the argument `which` and the one after it."""
    array = context.make_array(signature.args[which])(context, builder, args[which])
    return cgutils.gep_inbounds(builder, array.data, args[which + 1])


def _neighbours(context: Any, builder: Any, signature: Any, args: Any, which: int = 0, lanes: int = LANES) -> Any:
    many = ir.VectorType(context.get_value_type(signature.args[which].dtype), lanes)
    found = builder.load(builder.bitcast(_address(context, builder, signature, args, which), many.as_pointer()))
    found.align = 1
    return found


def _inside(builder: Any, found: Any, low: Any, high: Any) -> Any:
    """A bit for each element of a vector."""
    above = builder.sub(found, _everywhere(builder, found.type, low))
    inside = builder.icmp_unsigned("<=", above, _everywhere(builder, found.type, builder.sub(high, low)))
    return builder.bitcast(inside, ir.IntType(LANES))


def _put(context: Any, builder: Any, signature: Any, args: Any, value: Any) -> Any:
    place = builder.bitcast(_address(context, builder, signature, args), value.type.as_pointer())
    builder.store(value, place).align = 1
    return context.get_dummy_value()


def _everywhere(builder: Any, many: Any, value: Any) -> Any:
    """A vector that holds one value in every lane."""
    nothing = ir.Constant(many, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), many.count), [0] * many.count))
