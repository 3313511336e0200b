"""What numba has no word for: 8 bytes of an array as one number, tests of 64 neighbours at a time that give one bit each."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

intrinsic: Any = extending.intrinsic  # what it makes is called without the first argument

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
def store64(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write the 8 bytes of a number to `array[index]` and on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.bitcast(_address(context, builder, signature, args), ir.IntType(64).as_pointer())
        builder.store(args[2], place).align = 1
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), code


@intrinsic
def spread8(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write the 8 bytes of a number, each as an element of its own, to `array[index]` and on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.VectorType(context.get_value_type(signature.args[0].dtype), 8)
        found = builder.zext(builder.bitcast(args[2], ir.VectorType(ir.IntType(8), 8)), wide)
        place = builder.bitcast(_address(context, builder, signature, args), wide.as_pointer())
        builder.store(found, place).align = 1
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), code


@intrinsic
def count8(typingctx: Any, array: Any, index: Any, first: Any) -> Any:
    """Write `first` and the 7 numbers after it to `array[index]` and on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = context.get_value_type(signature.args[0].dtype)
        many = ir.VectorType(one, 8)
        found = builder.add(_everywhere(builder, many, args[2]), ir.Constant(many, list(range(8))))
        place = builder.bitcast(_address(context, builder, signature, args), many.as_pointer())
        builder.store(found, place).align = 1
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), code


@intrinsic
def within(typingctx: Any, array: Any, index: Any, low: Any, high: Any) -> Any:
    """Bit k says whether `low <= array[index + k] <= high`, for k from 0 to 63; for arrays of unsigned numbers."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = _neighbours(context, builder, signature, args)
        low, high = args[2], args[3]
        above = builder.sub(found, _everywhere(builder, found.type, low))
        inside = builder.icmp_unsigned("<=", above, _everywhere(builder, found.type, builder.sub(high, low)))
        return builder.bitcast(inside, ir.IntType(LANES))

    return types.uint64(array, types.int64, array.dtype, array.dtype), code


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


@intrinsic
def count(typingctx: Any, bits: Any) -> Any:
    """How many bits are set."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), code


def _address(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return cgutils.gep_inbounds(builder, array.data, args[1])


def _neighbours(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    many = ir.VectorType(context.get_value_type(signature.args[0].dtype), LANES)
    found = builder.load(builder.bitcast(_address(context, builder, signature, args), many.as_pointer()))
    found.align = 1
    return found


def _everywhere(builder: Any, many: Any, value: Any) -> Any:
    """A vector that holds one value in every lane."""
    nothing = ir.Constant(many, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), many.count), [0] * many.count))
