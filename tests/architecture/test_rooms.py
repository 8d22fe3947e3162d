"""The import graph leads downwards, and its picture is current."""

import pytest

from tests.architecture.rooms import PICTURE, check, find_imports, lines, read_floors


def test_every_import_leads_to_a_lower_floor_and_the_picture_shows_all():
    imports = find_imports()
    check(read_floors(), imports)
    assert "\n".join(lines(imports)) in PICTURE.read_text(), "make architecture draws it anew"


@pytest.mark.parametrize("imports", [{"low": {"high"}}, {"low": {"beside"}}, {"high": {"low"}, "low": {"high"}}])
def test_an_import_upwards_or_sideways_or_in_a_circle_is_refused(imports: dict[str, set[str]]):
    with pytest.raises(ValueError, match="low imports"):
        check([["high"], ["low", "beside"]], imports)
