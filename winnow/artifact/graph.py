"""ONNX graphs: made once, without values; filled with the values of each level.

Of this package only this module imports onnx, which costs time and memory that the API need not pay.
"""

from collections.abc import Mapping

import numpy as np
import onnx

from winnow.artifact.weights import Array, Tensors, raw_bytes
from winnow.contract.problems import InvalidFile


def fill(graph: bytes, weights: Tensors, metadata: Mapping[str, str]) -> bytes:
    """The graph with each initializer that bears the name of a weight holding that weight, and with this metadata.

    Whole-number buffers that the graph does not have (batches counted) are left out. Raises InvalidFile where it is
    no ONNX graph, where a value has no place in it or another shape or type, and where a place stays empty.
    """
    model = _parse(graph)
    places = {place.name: place for place in model.graph.initializer}
    for name, values in weights.items():
        if name in places:
            _put(places[name], values)
        elif np.issubdtype(values.dtype, np.floating):
            raise InvalidFile(f"the graph has no initializer {name}: it was exported from another network")
    empty = [place.name for place in model.graph.initializer if _is_empty(place)]
    if empty:
        raise InvalidFile(f"nothing to put into {', '.join(sorted(empty))}: the graph is of another network")
    del model.metadata_props[:]
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value)
    filled: bytes = model.SerializeToString(deterministic=True)
    return filled


def _parse(data: bytes) -> onnx.ModelProto:
    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf's DecodeError: its package is onnx's business, not imported here
        raise InvalidFile("this is no ONNX graph, or one that is cut off") from error
    if not model.graph.node:
        raise InvalidFile("this ONNX graph is empty")
    return model


def _put(place: onnx.TensorProto, values: Array) -> None:
    dtype = onnx.helper.np_dtype_to_tensor_dtype(values.dtype)
    if (tuple(place.dims), place.data_type) != (values.shape, dtype):
        text = f"{list(place.dims)} {onnx.TensorProto.DataType.Name(place.data_type)}"
        raise InvalidFile(f"{place.name}: the graph wants {text}, not {list(values.shape)} {values.dtype}")
    place.CopyFrom(_without_value(place))
    place.raw_data = raw_bytes(values)


def _is_empty(place: onnx.TensorProto) -> bool:
    return bool(np.prod(place.dims)) and place == _without_value(place)


def _without_value(place: onnx.TensorProto) -> onnx.TensorProto:
    return onnx.TensorProto(name=place.name, dims=place.dims, data_type=place.data_type)
