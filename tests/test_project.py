"""Claims about the project as a whole: pairs, profiles, dependencies, layers."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml
from environment import (
    ENVIRONMENT,
    LAB_LOCK,
    direct_dependencies,
    environment,
    locked_versions,
    normal,
)

import metanet_lib
from metanet_lib.publish import graph
from metanet_lib.publish.api import ROOMS
from metanet_lib.publish.graph import CHAPTERS, SECTIONS

ORDER = [part for parts in ROOMS.values() for part in parts] + ["compile_ahead", "cli"]


def test_the_lock_pins_every_direct_dependency():
    assert set(direct_dependencies()) <= set(locked_versions())


def test_the_lock_of_jupyterlab_adds_to_the_lock_and_changes_nothing_in_it():
    names = [line.split("==")[0] for line in LAB_LOCK.read_text().splitlines()[1:]]
    assert "jupyterlab" in names
    assert not {normal(name) for name in names} & set(locked_versions())


def test_environment_yml_has_the_versions_of_the_lock():
    assert ENVIRONMENT.read_text() == environment(), "run `make lock`"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_chapters_pair_is_in_step(chapter):
    script, notebook = (Path(f"notebooks/{chapter}{suffix}") for suffix in (".py", ".ipynb"))
    as_notebook = jupytext.read(script)
    paired = nbformat.read(notebook, as_version=4)
    assert [(c.cell_type, c.source) for c in as_notebook.cells] == [
        (c.cell_type, c.source) for c in paired.cells
    ], "run `make sync`"
    assert paired.metadata.kernelspec.name == "python3"
    assert paired.metadata.kernelspec.language == "python"
    assert not any(cell.get("outputs") for cell in paired.cells), "a pair carries no outputs"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_chapters_default_parameters_are_those_of_the_quick_profile(chapter):
    (cell,) = [
        c
        for c in jupytext.read(f"notebooks/{chapter}.py").cells
        if "parameters" in c.metadata.get("tags", [])
    ]
    values = {s.targets[0].id: ast.literal_eval(s.value) for s in ast.parse(cell.source).body}
    profile = graph.read_profile("quick")
    for name, value in values.items():
        if name in SECTIONS:  # what differs from the defaults, and no more
            assert SECTIONS[name].of(value) == SECTIONS[name].of(profile[name])
            assert not value.items() & SECTIONS[name]().as_dict().items()
        else:
            assert value == profile[name]


@pytest.mark.parametrize("profile", ["tiny", "quick", "paper"])
def test_every_parameter_stands_in_every_profile_with_a_comment(profile):
    values = graph.read_profile(profile)
    for section, parameters in SECTIONS.items():
        assert list(values[section]) == list(parameters().as_dict())
    lines = Path(f"profiles/{profile}.yaml").read_text().splitlines()
    assert [line for line in lines if ": " in line and "#" not in line] == [
        line for line in lines if line.rstrip().endswith(",")
    ]


def test_the_paper_profile_has_the_defaults_of_the_library():
    values = graph.read_profile("paper")
    for section, parameters in SECTIONS.items():
        assert parameters.of(values[section]) == parameters()


def test_a_profile_that_is_wrong_is_refused_with_its_name(tmp_path, monkeypatch):
    good = {**yaml.safe_load(Path("profiles/tiny.yaml").read_text()), "profile": "mine"}
    (tmp_path / "profiles").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"mine\.yaml: no such profile; there are: "):
        graph.read_profile("mine")
    path = tmp_path / "profiles/mine.yaml"
    path.write_text(yaml.dump({**good, "zooo": {}}))
    with pytest.raises(ValueError, match="unknown or missing keys: zooo"):
        graph.read_profile("mine")
    path.write_text(yaml.dump({**good, "profile": "tiny"}))
    with pytest.raises(ValueError, match=r"expected 'profile: mine', .* found 'profile: tiny'"):
        graph.read_profile("mine")
    path.write_text(yaml.dump({**good, "zoo": {**good["zoo"], "batchsize": 3}}))
    with pytest.raises(ValueError, match="section zoo: ZooParameters has no parameter batchsize"):
        graph.read_profile("mine")
    path.write_text(yaml.dump(good))
    with pytest.raises(ValueError, match="datasets must be 'all' or 'available', got 'some'"):
        graph.read_profile("mine", datasets="some")
    path.write_text(yaml.dump({**good, "alone": ["fits", "12"]}))
    with pytest.raises(ValueError, match="expected under 'alone' chapters or fits, found 12"):
        graph.read_profile("mine")


def test_the_citation_names_the_version_of_the_library_and_its_date():
    citation = yaml.safe_load(Path("CITATION.cff").read_text())
    assert citation["version"] == metanet_lib.__version__
    released = f"## {citation['version']}, {citation['date-released']}"
    assert released in Path("CHANGELOG.md").read_text().splitlines()


def rooms_imported(file: Path) -> set[str]:
    """Names of the parts of the library that a file imports from, wherever in it."""
    nodes = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.ImportFrom)]
    names = [[n.module.split(".")[1:2] or [a.name for a in n.names]] for n in nodes
             if (n.module or "").split(".")[0] == "metanet_lib"]  # fmt: skip
    return {name for several in names for part in several for name in part} & {*ORDER}


def test_every_module_stands_in_a_room():
    there = {p.stem for p in Path("metanet_lib").iterdir() if p.suffix == ".py" or p.is_dir()}
    assert there - {"__init__", "__pycache__"} == {*ORDER}


@pytest.mark.parametrize("part", ORDER)
def test_a_room_imports_only_from_rooms_above_it(part):
    path = Path("metanet_lib") / part
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]:
        below = {name for name in rooms_imported(file) if ORDER.index(name) > ORDER.index(part)}
        assert not below, f"{file} imports from {below}"


def test_no_two_modules_import_each_other():
    imports = {
        str(file): set(graph.library_files(str(file))) - {str(file)}
        for file in Path("metanet_lib").rglob("*.py")
        if file.name != "__init__.py"
    }
    circles = {(a, b) for a, others in imports.items() for b in others if a in imports.get(b, ())}
    assert not circles


def test_each_module_of_figures_is_called_after_a_chapter():
    named = {p.stem for p in Path("metanet_lib/figures").glob("*.py")}
    chapters = {chapter[3:] for chapter in CHAPTERS}
    assert named - {"__init__", "style", "shown", "interactive"} <= chapters


def test_the_chapters_stand_in_the_book_in_their_order():
    toc = yaml.safe_load(Path("_toc.yml").read_text())
    files = [c["file"] for part in toc["parts"] for c in part["chapters"]]
    assert [f[len("notebooks/") :] for f in files if f.startswith("notebooks/")] == list(CHAPTERS)


def test_the_reference_has_a_page_for_each_room_in_their_order():
    toc = yaml.safe_load(Path("_toc.yml").read_text())
    pages = [c["file"] for part in toc["parts"] for c in part["chapters"] if "/api/" in c["file"]]
    assert pages == [f"book/api/{room}" for room in ROOMS]


def test_zoo_and_metanetwork_need_little_more_than_torch():
    heavy = ["librosa", "soundfile", "PIL", "matplotlib", "sklearn", "scipy", "pandas", "IPython"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({heavy}));"  # as if they were not installed
        "import torch, metanet_lib.metanetwork; from metanet_lib.data.bank import Bank;"
        "from metanet_lib.zoo import Population, ZooParameters;"
        "population = Population(ZooParameters(), 'v:aer', range(2));"
        "print(population.train(Bank.of(torch.rand(64, 256))).shape)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "torch.Size([2, 2])"


def test_a_step_depends_on_the_library_modules_it_imports_and_no_others():
    zoo = graph.library_files("metanet_lib.zoo")
    assert "metanet_lib/zoo/population.py" in zoo
    assert "metanet_lib/catalog.py" in zoo
    others = {"data/patches.py", "zoo/pipeline.py", "figures/__init__.py", "cli.py"}
    assert not {f"metanet_lib/{other}" for other in others} & set(zoo)
    chapter = graph.library_files("notebooks/04_modality.py")
    assert {"metanet_lib/figures/__init__.py", "metanet_lib/figures/modality.py"} <= set(chapter)


def test_steps_wait_for_those_that_the_graph_makes_them_wait_for():
    config = ["profile=tiny", "corpus=demo", "datasets=all", "cores=2", "device=cpu"]
    snakemake = Path(sys.executable).with_name("snakemake")
    command = [snakemake, "--rulegraph", "dot", "--forceall", "--config", *config]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', drawn))
    steps = {
        number: re.sub(r"^chapter_|_\d+$", "", name)
        for number, name in names.items()
        if name not in ("demo", "site")
    }
    before: dict[str, set[str]] = {step: set() for step in steps.values()}
    for first, then in re.findall(r"(\d+) -> (\d+)", drawn):
        if {first, then} <= steps.keys():
            before[steps[then]].add(steps[first])

    def all_before(step: str, waits) -> set[str]:
        return {step}.union(*(all_before(other, waits) for other in waits.get(step, ())))

    for step in before:
        assert all_before(step, graph.WAITS) == all_before(step, before)


def test_a_corpus_is_known_by_its_files(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"1234")
    first = graph.corpus_fingerprint(tmp_path)
    assert graph.corpus_fingerprint(tmp_path) == first
    (tmp_path / "a.wav").write_bytes(b"12345")
    assert graph.corpus_fingerprint(tmp_path) != first
    with pytest.raises(FileNotFoundError, match="no such corpus folder; expected one that holds"):
        graph.corpus_fingerprint(tmp_path / "absent")
