"""Networks whose channels depend on each other in ways that the catalog's do not: small, for tests alone."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Connected(nn.Module):
    """Concatenation as in DenseNet, a depthwise and a grouped convolution, squeeze and excitation, then units."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 6, 3, padding=1)
        self.conv3 = nn.Conv2d(14, 12, 1)
        self.depthwise = nn.Conv2d(12, 12, 3, padding=1, groups=12)
        self.bn2 = nn.BatchNorm2d(12)
        self.squeeze = nn.Conv2d(12, 4, 1)
        self.excite = nn.Conv2d(4, 12, 1)
        self.grouped = nn.Conv2d(12, 8, 3, groups=2)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.fc1 = nn.Linear(32, 10)
        self.fc2 = nn.Linear(10, 5)

    def forward(self, images: Tensor) -> Tensor:
        """N×3×H×W to N×5."""
        one = functional.relu(self.bn1(self.conv1(images)))
        both = torch.cat([one, torch.relu(self.conv2(one))], 1)
        found = functional.hardswish(self.bn2(self.depthwise(self.conv3(both))))
        gate = self.excite(functional.relu(self.squeeze(functional.adaptive_avg_pool2d(found, 1)))).sigmoid()
        found = self.pool(functional.relu(self.grouped(gate * found)))
        return self.fc2(functional.relu(self.fc1(torch.flatten(found, 1))))  # type: ignore[no-any-return]


class Mixing(nn.Module):
    """A normalisation over all channels: without one of them the others would come out otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.norm = nn.GroupNorm(2, 6)
        self.conv2 = nn.Conv2d(6, 4, 3)
        self.fc = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        """N×1×H×W to N×3."""
        return self.fc(self.conv2(self.norm(self.conv1(images))).mean((2, 3)))  # type: ignore[no-any-return]
