"""The ``metanet`` command: the steps of the graph, and the graph itself.

``metanet book`` runs everything (``make book`` calls it). The other commands are its steps, which a
person can also call by hand; each writes its results whole or not at all. Parameters travel as
JSON, one section of a profile each.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from metanet_lib.store import Results

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
data = typer.Typer(no_args_is_help=True, help="Get and check raw corpora.")
app.add_typer(data, name="data")


class _Zoo(TyperGroup):
    """``metanet zoo BANK...`` trains, as ``metanet zoo train BANK...`` does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the command where a bank or an option of training comes first."""
        if args and args[0] not in {*self.commands, *self.get_help_option_names(ctx)}:
            args = ["train", *args]
        return super().parse_args(ctx, args)


zoo = typer.Typer(no_args_is_help=True, cls=_Zoo, help="Train models, and hand them on.")
app.add_typer(zoo, name="zoo")

Json = Annotated[str, typer.Option(help="Parameters as JSON: one section of a profile.")]
Profile = Annotated[str, typer.Option(help="A profile of profiles/, such as quick.")]
Corpus = Annotated[
    str | None,
    typer.Option(help="'demo', or the folder of the real corpora. [default: the profile's]"),
]
Datasets = Annotated[
    str | None,
    typer.Option(help="'all' 41, or those 'available' in the corpus. [default: the profile's]"),
]


@data.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo corpus goes.")],
    seed: Annotated[int, typer.Option(help="Seed of everything in it.")] = 0,
) -> None:
    """Write the synthetic demo corpus: all 41 datasets, in the official layouts."""
    from metanet_lib.data.corpora.demo import write

    write(folder, seed)


@data.command()
def fetch(
    name: Annotated[
        Literal["voc2012", "urbansound8k", "irmas"], typer.Argument(help="Which corpus.")
    ],
    folder: Annotated[Path, typer.Argument(help="Folder of the raw corpora.")],
    url: Annotated[
        str | None, typer.Option(help="A mirror of the official archive: the same bytes.")
    ] = None,
    checksum: Annotated[
        str | None,
        typer.Option(help="md5:... or sha256:..., for a mirror that has packed it otherwise."),
    ] = None,
) -> None:
    """Download a corpus from its authors, verify it, and unpack it; goes on where it stopped."""
    from metanet_lib.data.corpora.fetch import ARCHIVES, notice
    from metanet_lib.data.corpora.fetch import fetch as bring

    print(notice(ARCHIVES[name], url), flush=True)
    place = bring(name, folder, url, checksum)
    if place is None:
        print(f"{folder / ARCHIVES[name].place} is there already; nothing was downloaded")
    else:
        print(f"unpacked to {place}, the archive is removed; `metanet data check {folder}` is next")


@data.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Folder of the raw corpora.")],
    strict: Annotated[bool, typer.Option("--strict", help="Fail on any unusable file.")] = False,
) -> None:
    """Read every file of a corpus: say what is there, what is broken, and what a run can use."""
    from tqdm import tqdm

    from metanet_lib.catalog import DATASETS
    from metanet_lib.data.check import check, summary

    findings = []
    with tqdm(total=len(DATASETS), unit="dataset", leave=False, disable=None) as bar:
        for finding in check(folder):
            findings.append(finding)
            bar.write(str(finding))
            bar.update()
    print(summary(folder, findings))
    if not all(f.usable for f in findings) or (strict and any(f.skipped for f in findings)):
        raise typer.Exit(1)


@app.command()
def patches(
    datasets: Annotated[list[str], typer.Argument(help="Dataset ids, such as v:aer.")],
    corpus: Annotated[Path, typer.Option(help="Folder of the raw corpora.")],
    out: Annotated[Path, typer.Option(help="Folder of the banks.")],
    parameters: Json,
    new: Annotated[
        list[str] | None,
        typer.Option(help="A dataset of whose new files patches are wanted too; may be repeated."),
    ] = None,
    fit: Annotated[
        list[str] | None,
        typer.Option(help="A dataset with models that fit: they may see halves; may be repeated."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Files read at a time.")] = 1,
) -> None:
    """Sample one bank of patches for each dataset."""
    from metanet_lib import catalog
    from metanet_lib.data.patches import PatchParameters, write_banks

    chosen = PatchParameters.of(json.loads(parameters))
    for dataset_id in datasets:
        write_banks(
            out / f"{catalog.dataset(dataset_id).slug}.safetensors",
            corpus,
            dataset_id,
            chosen,
            fit=dataset_id in (fit or ()),
            new=dataset_id in (new or ()),
            threads=threads,
        )


@zoo.command()
def train(
    banks: Annotated[list[Path], typer.Argument(help="Banks of patches, one a dataset.")],
    out: Annotated[Path, typer.Option(help="Folder of the shards.")],
    parameters: Json,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """Train the models of each bank's dataset and write its shard; `metanet zoo BANK...` too."""
    import torch

    from metanet_lib.zoo import ZooParameters, make_shard

    torch.set_num_threads(1)  # the products are too small to be shared: a population has a thread
    chosen = ZooParameters.of(json.loads(parameters))
    for bank in banks:
        make_shard(bank, out / bank.name, chosen, device, threads, progress)


@zoo.command("export")
def export_(
    results: Annotated[Path, typer.Argument(help="A run's results, such as results/quick.")],
    out: Annotated[Path, typer.Argument(help="The new folder that the zoo becomes.")],
) -> None:
    """Write a run's zoo as a data set: models, an index, a card, checksums; nothing of a corpus."""
    from metanet_lib.publish.dataset import export_zoo

    models = export_zoo(results, out)
    print(f"{models:,} models written to {out}; its README.md tells how to read them")


@zoo.command("check")
def check_(
    folder: Annotated[Path, typer.Argument(help="A folder of `metanet zoo export`.")],
) -> None:
    """Verify that a zoo came over whole."""
    from metanet_lib.publish.dataset import check_zoo

    wrong = check_zoo(folder)
    print("\n".join(wrong) if wrong else f"{folder}: whole")
    if wrong:
        raise typer.Exit(1)


@app.command()
def rank(
    source: Annotated[
        str | None,
        typer.Argument(help="Your transformer: my_method.py:MyRepresentation. The file is run."),
    ] = None,
    results: Annotated[Path, typer.Option(help="A run's results.")] = Path("results/quick"),
    embeddings: Annotated[
        Path | None,
        typer.Option(help="A CSV of embeddings instead: file and row as `metanet zoo export` has."),
    ] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Tell fit the datasets.")] = False,
    seeds: Annotated[int, typer.Option(help="Fits, if it has a parameter called seed.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False,
    template: Annotated[bool, typer.Option("--template", help="Print a start that runs.")] = False,
) -> None:
    """Rank a representation of your own among those of a run's comparison (chapter 12).

    It sees encoders [m, 256, 16] and gives numbers [m, d]. It is fitted on the
    models that fit, without labels but for --labels, and asked about models of
    the same files and of new ones by the same k-NN vote as every row.

    --json gives one object: "row" (all columns of leaderboard.csv), "place",
    "of" (rows), and "differences" (of each other row and task: how much more
    often than yours it is right, with its 95 % interval, paired by dataset).
    """
    from metanet_lib.experiments import rank as ranking

    if template:
        print(ranking.TEMPLATE, end="")
        return
    if (source is None) == (embeddings is None):
        raise ValueError("expected either FILE.py:NAME or --embeddings FILE.csv; see --template")
    peer = (
        ranking.from_table(embeddings, results)
        if embeddings
        else ranking.from_file(str(source), labels)
    )
    ranked = ranking.rank(peer, results, seeds)
    if as_json:
        print(ranked.as_json())
    else:
        print(ranked)


@app.command()
def interpret(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Encoders: .safetensors, .npy, or a state_dict .pt, .pth; or networks of any "
            "shape: .onnx, or package.module:function, which is imported."
        ),
    ],
    results: Annotated[Path, typer.Option(help="A run's results: its zoo and more.")] = Path(
        "results/quick"
    ),
    representation: Annotated[
        str,
        typer.Option(
            help="By what models are compared: 'functional', the run's functional code; 'paper', "
            "its metanetwork; or a row of the comparison with others, such as 'gram', fitted anew."
        ),
    ] = "functional",
    tensor: Annotated[
        str | None, typer.Option(help="Name of the tensor that holds the encoder.")
    ] = None,
    index: Annotated[
        list[int] | None,
        typer.Option(help="Which model of a file of many, from 0; may be repeated."),
    ] = None,
    window: Annotated[
        str,
        typer.Option(
            help="How a network takes 16x16 windows: '256', '16,16', or with channels '1,16,16'."
        ),
    ] = "1,16,16",
    plot: Annotated[
        Path | None, typer.Option(help="Draw filters and a map of the zoo: a .png or .svg.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False,
) -> None:
    """Tell what models were trained on, from their weights: 256x16 each, or 16x256.

    The ten nearest models of the zoo vote; distances are between embeddings.
    Of labels with as many votes the first by name is the answer, so look at
    the votes.

    UNLIKE ANYTHING SEEN is said of a model for which the order of its inputs
    hardly matters: shuffled, it has as much in common with the models of the
    zoo as before, but for what chance explains. Its votes mean little.

    A network of another shape is read by its gradients at noise in 0..1, or,
    where it can only be run, by small differences; the answer says which. It
    is then compared by the direction of what it does (chapter 14).

    Of the comparison with others (chapter 12), every row that sees weights
    only can answer; those that train a network take minutes. An unknown name
    lists them all.

    A file that cannot be read is reported, the others are answered for, and
    the exit code is 1.

    --json gives one object: "results", "representation", "k" (neighbours),
    "n_zoo" (models that can vote), "models" (of each: "name", "modality",
    "modality_votes", "dataset", "dataset_votes", "neighbours" with "dataset",
    "model" and "distance", "distance" to the last of them,
    "unlike_anything_seen", which is "more_than_shuffled" less than
    "by_chance", both shares of the column space, "embedding") and "errors"
    ("file", "error").
    """
    from metanet_lib.interpret import STORED, Interpreter
    from metanet_lib.interpret.networks import is_network, read_network

    if plot and plot.suffix not in (".png", ".svg"):
        raise ValueError(f"{plot}: expected a plot called .png or .svg, found {plot.suffix!r}")
    networks = [file for file in files if is_network(str(file))]
    if networks and len(networks) < len(files):
        raise ValueError("expected files of models or networks of other shapes, found both")
    by = STORED.get(representation, representation)
    if networks and representation == "functional":
        from metanet_lib.representations.gradients import direction
        from metanet_lib.representations.weights import reduced

        by = "the direction of what they do"
        interpreter = Interpreter.of(results, representation=reduced(direction), name="direction")
    elif representation in STORED:
        interpreter = Interpreter.of(results, representation=representation)
    else:
        from metanet_lib.experiments.leaderboard import weights_only
        from metanet_lib.metanetwork import load
        from metanet_lib.zoo import load_zoo

        run = Results.at(results)
        metanetworks, (fit, *_) = load(run.metanetwork), load_zoo(run.zoo, run.trained)
        row = weights_only(representation, metanetworks, len(fit))
        interpreter = Interpreter.of(results, representation=row, name=representation)
    answers, errors = [], []
    for file in files:
        try:
            if networks:
                read = read_network(str(file), _sizes(window))
                answers += interpreter.interpret(read.encoder[None], [str(read)])
            else:
                answers += interpreter.read(file, tensor, index or ())
        except (ValueError, OSError) as error:
            errors.append({"file": str(file), "error": str(error)})
    k, n = interpreter.parameters.k, len(interpreter.zoo)
    if as_json:
        models = [answer.as_dict() for answer in answers]
        name = interpreter.name
        found = {"results": str(results), "representation": name, "k": k, "n_zoo": n}
        print(json.dumps({**found, "models": models, "errors": errors}, indent=2))
    else:
        asked = f"asked: the {k} nearest of {n:,} models of {results}, by {by}"
        print(asked, *answers, sep="\n\n")
    if plot and answers:
        from metanet_lib import figures

        figures.save(figures.interpreted_models(interpreter, answers), plot)
    for each in errors:
        print(f"metanet: {each['error']}", file=sys.stderr)
    if errors:
        raise typer.Exit(1)


@app.command()
def generate(
    out: Annotated[Path, typer.Argument(help="The models: a .safetensors file.")],
    dataset: Annotated[
        str | None, typer.Option(help="Of the codes of this dataset, such as v:cat.")
    ] = None,
    between: Annotated[
        tuple[str, str] | None, typer.Option(help="On the way from one dataset to another.")
    ] = None,
    at: Annotated[float, typer.Option(help="Where on that way: 0 the first, 1 the other.")] = 0.5,
    code: Annotated[
        Path | None, typer.Option(help="Of codes in a JSON file: lists of 16 numbers.")
    ] = None,
    n: Annotated[int, typer.Option("-n", "--models", help="How many; of each code of a file.")] = 1,
    results: Annotated[Path, typer.Option(help="A run's results: its zoo and its code.")] = Path(
        "results/quick"
    ),
    corpus: Annotated[
        str | None,
        typer.Option(help="'demo', or a folder: fit batch normalisation and decoder on patches."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of sampled codes and random starts.")] = 0,
) -> None:
    """Make models from 16 numbers: for a dataset, between two, or of a code.

    Give one of --dataset, --between and --code. The file holds encoders
    [m, 256, 16], by the zoo's name "encoder"; its header says of what they were
    made, with codes, seed and representation. `metanet interpret` reads it.

    With --corpus, batch normalisation and decoder are trained for these
    encoders too, and stored by the zoo's names: on patches of the dataset, or
    of both, in the shares of the way. A code from a file has no dataset.
    """
    from metanet_lib.interpret.generate import Wish, generate

    wish = Wish(dataset, between, at, code, n, seed)
    made = generate(wish, results, corpus, out)
    print(f"{out}: {made} models made {wish}, seed {seed}; `metanet interpret {out}` reads them")


@app.command()
def compare(
    results: Annotated[Path, typer.Argument(help="A run's results, such as results/quick.")],
    reference: Annotated[
        Path | None,
        typer.Argument(help="What to compare with. [default: reference/demo or reference/real]"),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show the numbers that lie inside too.")
    ] = False,
) -> None:
    """Say which accuracies of a run lie outside the reference's 95 % intervals.

    Row by row: of the paper's metanetwork and the raw weights, of variants of
    its parts, of every representation, of networks of other shapes. The exit
    status is 1 if a headline lies outside: the metanetwork's or the functional
    code's.
    """
    from metanet_lib.experiments.reference import Reference
    from metanet_lib.experiments.reference import compare as beside
    from metanet_lib.publish.reference import results_of

    run = results_of(results)
    kept = Reference.at(reference) if reference else Reference.beside(run)
    if kept is None:
        raise FileNotFoundError(f"no reference is kept for {run.corpus_title}; name a folder")
    rows = beside(results / "tables", kept.tables)
    outside = rows[rows.outside]
    shown = (rows if everything else outside).to_dict("records")
    for row in shown:
        told = f"{row['table']}, {row['what']}, {row['task']}: {100 * row['accuracy']:.1f} %"
        where = f"reference {100 * row['reference']:.1f} %"
        where += f" ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
        mark = ("OUTSIDE, a headline" if row["headline"] else "outside") if row["outside"] else "in"
        print(f"{told}; {where}: {mark}")
    headlines = int(outside.headline.sum())
    print(
        f"{results} beside {kept.folder} (profile {kept.provenance['profile']}): {len(outside)} of "
        f"{len(rows)} accuracies lie outside, {headlines} of them headlines"
    )
    if headlines:
        raise typer.Exit(1)


@app.command()
def reference(
    results: Annotated[Path, typer.Argument(help="A run's results, such as results/paper.")],
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Keep the chapters that there are.")
    ] = False,
) -> None:
    """Keep a run as the reference to others: tables, figures and provenance, in reference/."""
    from metanet_lib.publish.reference import keep

    print(f"{keep(results, so_far=so_far)}: written; commit it")


@app.command()
def chapter(
    script: Annotated[Path, typer.Argument(help="A chapter's script, notebooks/NN_name.py.")],
    out: Annotated[Path, typer.Argument(help="The executed notebook.")],
    parameters: Annotated[str, typer.Option(help="The chapter's parameters as JSON.")],
) -> None:
    """Execute a chapter with papermill into another notebook."""
    from metanet_lib.publish.chapter import execute_chapter

    execute_chapter(script, out, json.loads(parameters))


@app.command()
def fits(
    parameters: Annotated[str, typer.Option(help="The run and sections of its profile as JSON.")],
    share: Annotated[int, typer.Option(help="Which share of the fits is made.")] = 0,
    shares: Annotated[int, typer.Option(help="How many shares there are.")] = 1,
) -> None:
    """Fit ahead what chapters 11 and 12 ask of a run's zoo alone.

    The first share makes their functional code and their ceiling too.
    """
    from metanet_lib.experiments.leaderboard import fit_ahead

    fit_ahead(json.loads(parameters), share, shares)


@app.command()
def sync(
    staged: Annotated[
        bool, typer.Option("--staged", help="Only check what git is about to commit.")
    ] = False,
) -> None:
    """Bring both files of each chapter together, and say which side won."""
    from metanet_lib.publish.pairs import check_staged
    from metanet_lib.publish.pairs import sync as bring_together

    if staged:
        check_staged()
    else:
        print("\n".join(bring_together()))


@app.command()
def site(profile: Profile = "quick", corpus: Corpus = None, datasets: Datasets = None) -> None:
    """Build the site from the executed chapters of a run."""
    from metanet_lib.publish.graph import SECTIONS, read_profile
    from metanet_lib.publish.site import build

    chosen = read_profile(profile, corpus, datasets)
    build(Results(profile, chosen["corpus"]), chosen, SECTIONS)


@app.command()
def book(
    profile: Profile = "quick",
    corpus: Corpus = None,
    datasets: Datasets = None,
    cores: Annotated[
        int, typer.Option(help="CPU cores to use; on a cluster, those of the largest job.")
    ] = 2,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="On what the zoo trains.")] = "cpu",
    cluster: Annotated[
        str | None,
        typer.Option(help="Run on a cluster: the folder of its profile, such as profiles/slurm."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would run, and run nothing.")
    ] = False,
) -> None:
    """Run the whole paper, from raw corpus to site; only what changed is done again."""
    from metanet_lib.publish.graph import run

    run(profile, corpus, datasets, cores, device, cluster, dry_run)


def _sizes(window: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in window.split(","))
    except ValueError as error:
        raise ValueError(f"--window: expected sizes such as 1,16,16, found {window!r}") from error


def main() -> None:
    """Run the command; a bad input ends with its message, not with a traceback."""
    try:
        app()
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(f"metanet: {error}") from error


if __name__ == "__main__":
    main()
