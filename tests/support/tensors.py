"""Hypothesis strategies for tensors: any shape, any bits."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from winnow.artifact.weights import DTYPES

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(lambda n: n != "__metadata__")
shapes = nps.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


@st.composite
def arrays(draw, shape=None, dtype=None):
    """An array of any bits: NaN with any payload, −0.0, denormals; booleans are 0 or 1."""
    shape = draw(shapes) if shape is None else shape
    dtype = draw(st.sampled_from(list(DTYPES.values()))) if dtype is None else np.dtype(dtype)
    if dtype == np.bool_:
        return draw(nps.arrays(np.bool_, shape))
    bits = draw(nps.arrays(np.dtype(f"<u{dtype.itemsize}"), shape, fill=st.nothing()))
    return bits.view(dtype)


@st.composite
def networks(draw):
    """Masks and weights that belong together; some tensors have no mask."""
    masks, weights = {}, {}
    for name in draw(st.sets(names, max_size=5)):
        if draw(st.booleans()):
            shape = draw(shapes)
            size = int(np.prod(shape))
            density = draw(st.sampled_from([0.0, 0.02, 0.3, 1.0]))
            random = np.random.default_rng(draw(st.integers(0, 2**32)))
            masks[name] = (random.random(size) < density).reshape(shape)
            values = draw(arrays(shape, np.float32))
            weights[name] = np.where(masks[name], values.view(np.uint32), np.uint32(0)).view(np.float32)
        else:
            weights[name] = draw(arrays())
    return masks, weights


def same(one, other) -> bool:
    """Equal in names, order, types, shapes and every bit."""
    return list(one) == list(other) and all(
        one[name].dtype == other[name].dtype
        and one[name].shape == other[name].shape
        and one[name].tobytes() == other[name].tobytes()
        for name in one
    )


def by_name(tensors):
    """The same tensors in the order of their names."""
    return dict(sorted(tensors.items()))
