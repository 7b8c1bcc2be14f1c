"""The suite. What several test files share tells the values of an assertion that fails, as test files themselves do."""

import pytest

pytest.register_assert_rewrite("tests.conformance", "tests.support")
