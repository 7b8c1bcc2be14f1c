"""A unit on several processes at once: each does all of it, and of each training batch its share.

Data-parallel training, as in Li et al. 2020, arXiv:2006.15704, over `torch.distributed`. What is done otherwise than
there, and why, stands in docs/decisions/0008.
"""
