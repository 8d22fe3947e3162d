"""What is said of skipped tests."""

import pytest

pytest_plugins = "pytester"


def test_skipped_tests_take_one_line_a_reason(pytester: pytest.Pytester):
    pytester.makeconftest("from tests.conftest import pytest_terminal_summary")
    pytester.makepyfile("""
        import pytest

        @pytest.fixture
        def engine():
            pytest.skip("needs an engine")

        @pytest.mark.parametrize("number", range(30))
        def test_one(engine, number): ...

        @pytest.mark.parametrize("number", range(30))
        def test_two(engine, number): ...

        @pytest.mark.skip(reason="needs a bucket")
        def test_three(): ...
    """)
    told = pytester.runpytest_inprocess("-q").outlines
    assert [line for line in told if "SKIPPED" in line] == [
        "SKIPPED [60] needs an engine",
        "SKIPPED [1] needs a bucket",
    ]
