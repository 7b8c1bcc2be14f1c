"""The built-in data sets by name."""

from winnow.contract.datasets import DatasetFacts

_NUMBERS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

_BUILTIN = (
    DatasetFacts(
        name="digits",
        fingerprint="7d5acaab291c6776efcb387cb2d2c5be2605ecc1d5ced5fa880b2adc54d1c522",
        source="builtin",
        format="builtin",
        classes=_NUMBERS,
        channels=1,
        size=(8, 8),
        counts=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
    ),
    DatasetFacts(
        name="mnist",
        fingerprint="df29ad85923dee44a53e131a8a22e6b22dfc9d678d92f5fe8eb9d3e83eb495c7",
        source="builtin",
        format="builtin",
        classes=_NUMBERS,
        channels=1,
        size=(28, 28),
        counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
    DatasetFacts(
        name="fashion_mnist",
        fingerprint="4dfb20898369b75aa6695ac6dc460f0e8c6563d67f283ecaa110c8aec4e41577",
        source="builtin",
        format="builtin",
        classes=_CLOTHES,
        channels=1,
        size=(28, 28),
        counts=(6000,) * 10,
        test_counts=(1000,) * 10,
    ),
)

DATASETS: dict[str, DatasetFacts] = {facts.name: facts for facts in _BUILTIN}
