"""Families do not know each other, and nothing but the catalog knows them: a new one is a folder and no other edit."""

import pkgutil

import grimp

import app.families

FAMILIES = {f"app.families.{found.name}" for found in pkgutil.iter_modules(app.families.__path__) if found.ispkg}

# What is told of a form's field that is no UTF-8 is what is told of a text.
ALLOWED = [("app.web.requests.multipart_stream", "app.families.text")]


def test_no_family_imports_another_and_nothing_imports_a_family():
    graph = grimp.build_graph("app", cache_dir=None)
    strangers = [
        (importer, family)
        for family in FAMILIES
        for module in {family, *graph.find_descendants(family)}
        for importer in graph.find_modules_that_directly_import(module)
        if not f"{importer}.".startswith(f"{family}.")
    ]
    assert strangers == ALLOWED
