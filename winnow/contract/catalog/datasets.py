"""The built-in data sets by name."""

from winnow.contract.class_names import (
    CIFAR10,
    CIFAR100,
    CIFAR100_COARSE,
    CIFAR100_SUPERCLASSES,
    CLOTHES,
    KANA,
    NUMBERS,
)
from winnow.contract.datasets import DatasetFacts


def _cifar(
    name: str, fingerprint: str, classes: tuple[str, ...], superclasses: tuple[int, ...] | None = None
) -> DatasetFacts:
    """Krizhevsky 2009: 60,000 images, each class as often as any other."""
    return DatasetFacts(
        name=name,
        fingerprint=fingerprint,
        source="builtin",
        format="builtin",
        classes=classes,
        channels=3,
        size=(32, 32),
        counts=(50_000 // len(classes),) * len(classes),
        test_counts=(10_000 // len(classes),) * len(classes),
        superclasses=superclasses,
    )


def _like_mnist(name: str, fingerprint: str, classes: tuple[str, ...]) -> DatasetFacts:
    """70,000 grey images of MNIST's shape, each class as often as any other."""
    return DatasetFacts(
        name=name,
        fingerprint=fingerprint,
        source="builtin",
        format="builtin",
        classes=classes,
        channels=1,
        size=(28, 28),
        counts=(6000,) * 10,
        test_counts=(1000,) * 10,
    )


_BUILTIN = (
    DatasetFacts(
        name="digits",
        fingerprint="7d5acaab291c6776efcb387cb2d2c5be2605ecc1d5ced5fa880b2adc54d1c522",
        source="builtin",
        format="builtin",
        classes=NUMBERS,
        channels=1,
        size=(8, 8),
        counts=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
    ),
    DatasetFacts(
        name="mnist",
        fingerprint="df29ad85923dee44a53e131a8a22e6b22dfc9d678d92f5fe8eb9d3e83eb495c7",
        source="builtin",
        format="builtin",
        classes=NUMBERS,
        channels=1,
        size=(28, 28),
        counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
    _like_mnist("fashion_mnist", "4dfb20898369b75aa6695ac6dc460f0e8c6563d67f283ecaa110c8aec4e41577", CLOTHES),
    # Of these two the fingerprint is over the official MD5s of the files: `winnow.lottery.data.official`.
    _like_mnist("kmnist", "f5cfe2c7df28aea94c24e5450ba1fd7704c7dbf5fa0e8666d59a01fd46b2fa3f", KANA),
    DatasetFacts(
        name="svhn",
        fingerprint="7277ef7766bb1f21dd071cf1039f680a792f73d0f09919991643ddc13df8eb08",
        source="builtin",
        format="builtin",
        classes=NUMBERS,
        channels=3,
        size=(32, 32),
        counts=(4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
        test_counts=(1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595),
    ),
    _cifar("cifar10", "9749d6ec13e66a905edaa36959ee2dd37affc6b5d39037d95c7ee612f0165908", CIFAR10),
    _cifar(
        "cifar100",
        "c9501396f7db87df7d60d61aacda70d5a617a22aa0fc25442286265d00a0d66c",
        CIFAR100,
        CIFAR100_SUPERCLASSES,
    ),
    _cifar("cifar100_coarse", "c97b1dbad90fe59da394f81b962869b5617c07a82caed11104c033bb228b19ce", CIFAR100_COARSE),
)

DATASETS: dict[str, DatasetFacts] = {facts.name: facts for facts in _BUILTIN}
