# The whole paper as one graph: corpus -> patches -> zoo -> fits -> chapters -> site.
# `make book` runs it (metanet_lib/publish/graph.py says how), on this machine or on a cluster.

import json
from pathlib import Path

from metanet_lib.experiments.reference import PROVENANCE, Reference, references
from metanet_lib.publish.graph import (
    CHAPTERS,
    SHARES,
    SIDE_BY_SIDE,
    chapter_sections,
    chosen_datasets,
    cores_of,
    corpus_fingerprint,
    library_files,
    read_profile,
)
from metanet_lib.store import Results
from metanet_lib.workers import PROCESSES
from metanet_lib.zoo import ZooParameters

PROFILE = read_profile(config["profile"], config["corpus"], config["datasets"])
RESULTS = Results(PROFILE["profile"], PROFILE["corpus"])
RUN = str(RESULTS.folder)
CORPUS = str(RESULTS.corpus_folder)
# A corpus is an input by one of its files (the demo is made by the graph) and by its fingerprint.
DEMO_DONE = "data/demo/README.txt"
CORPUS_FILES = [DEMO_DONE] if RESULTS.is_demo else []
FINGERPRINT = "demo" if RESULTS.is_demo else corpus_fingerprint(CORPUS)

SLUGS = [d.slug for d in chosen_datasets(PROFILE)]
ZOO = ZooParameters.of(PROFILE["zoo"])
WITH_FIT = {d.slug for d in chosen_datasets(PROFILE) if ZOO.models(d.id)[0]}
WITH_NEW = {d.slug for d in chosen_datasets(PROFILE) if ZOO.models(d.id)[2]}
JOBS = -(-len(SLUGS) // PROFILE["datasets_per_job"])
BATCHES = {str(job): SLUGS[job::JOBS] for job in range(JOBS)}
SHARDS = [f"{RUN}/zoo/{slug}.safetensors" for slug in SLUGS]
AT_HOME = "cluster" not in config
FITS = [f"{RUN}/fits/share_{i}.done" for i in range(1 if AT_HOME else SHARES)]
METANETWORK = f"{RUN}/metanetwork.safetensors"
FUNCTIONAL = f"{RUN}/functional.safetensors"
PATCHES_CODE = library_files("metanet_lib.data.patches")
ZOO_CODE = library_files("metanet_lib.zoo")
WILD = [f"wild/{name}" for name in ("networks.csv", "recorded.csv", "recorded.json")]
# The run of the paper's own size that is kept to compare with, if one is.
KEPT = Reference.beside(RESULTS)
REFERENCE = [str(KEPT.folder / PROVENANCE)] if KEPT else []
PROSE = sorted(str(path) for path in Path("book").rglob("*") if path.is_file())


def section(name):
    return json.dumps(PROFILE[name], sort_keys=True)


def given_to(step):
    if step in SIDE_BY_SIDE and not PROFILE["side_by_side"]:
        return 1
    return cores_of(step, config["cores"], PROFILE["alone"], AT_HOME)


# How many processes the commands of such steps may start, where the profile says.
AT_MOST = "" if PROFILE["side_by_side"] else f"{PROCESSES}=1 "


def figures(*names):
    return [f"{RUN}/figures/{name}.{suffix}" for name in names for suffix in ("svg", "png")]


def tables(*names):
    return [f"{RUN}/tables/{name}.csv" for name in names]


# What each chapter reads beside the library, and what it writes beside its notebook.
READS = {
    "01_datasets": CORPUS_FILES,
    "02_model_zoo": [*CORPUS_FILES, *SHARDS],
    "03_meta_autoencoder": SHARDS,
    "04_modality": [*SHARDS, METANETWORK, *REFERENCE],
    "05_dataset_id": [*SHARDS, METANETWORK, *tables("modality_by_seed"), *REFERENCE],
    "06_dataset_or_files": [*CORPUS_FILES, *SHARDS, METANETWORK],
    "07_what_each_part_buys": [*SHARDS, METANETWORK, *REFERENCE],
    "08_what_is_inside": [*SHARDS, METANETWORK, *tables("ablation")],
    "09_open_decisions": CORPUS_FILES,
    "10_cost": [*CORPUS_FILES, *REFERENCE],
    "11_a_better_metanetwork": [*CORPUS_FILES, *SHARDS, METANETWORK, *FITS],
    "12_against_the_others": [
        *CORPUS_FILES,
        *SHARDS,
        METANETWORK,
        *FITS,
        *(source.rpartition(":")[0] for source in PROFILE["peers"]["extra"]),
    ],
    "13_from_numbers_to_models": [*CORPUS_FILES, *SHARDS, METANETWORK, FUNCTIONAL],
    "14_any_architecture": [*CORPUS_FILES, *SHARDS, *WILD],
    "15_interpret_your_model": [*CORPUS_FILES, *SHARDS, METANETWORK, FUNCTIONAL],
    "16_gallery": [*CORPUS_FILES, *SHARDS, METANETWORK],
    "17_bring_your_own": [*SHARDS, METANETWORK, *tables("leaderboard_by_seed")],
}
WRITES = {
    "01_datasets": tables("datasets"),
    "02_model_zoo": tables("zoo_losses"),
    "03_meta_autoencoder": [METANETWORK, *figures("fig3")],
    "04_modality": [*tables("modality_by_seed"), *figures("fig4")],
    "05_dataset_id": [*tables("accuracy", "accuracy_by_seed"), *figures("fig5", "fig6")],
    "06_dataset_or_files": [
        *tables("same_and_new_files", "ceiling", "files_and_zoos"),
        *figures("accuracy_by_files"),
    ],
    "07_what_each_part_buys": [*tables("ablation"), *figures("ablation_parts")],
    "08_what_is_inside": figures("encoded_properties", "left_over"),
    "09_open_decisions": [*tables("open_decisions"), *figures("open_decisions")],
    "10_cost": tables("zoo_speed", "cost"),
    "11_a_better_metanetwork": tables(
        "beyond_by_seed", "beyond", "beyond_floor", "beyond_halves"
    ),
    "12_against_the_others": [
        *tables("leaderboard", "leaderboard_by_seed"),
        *figures("leaderboard"),
    ],
    "13_from_numbers_to_models": [
        *tables("generation_linear", "generation_trained", "generation_marks"),
        *figures("generation_errors", "generation_specificity", "generation_novelty"),
    ],
    "14_any_architecture": [
        *tables("architectures", "architectures_steps", "architectures_marks", "architectures_wild"),
        *figures("architectures", "architectures_wild"),
    ],
    "15_interpret_your_model": [
        *tables(
            "interpreted_models",
            "interpreted_groups",
            "interpreted_by_both",
            "interpreted_votes",
        ),
        *figures("interpreted_models"),
    ],
    "16_gallery": tables("gallery"),
    "17_bring_your_own": [],
}

# What the fits of the comparisons are made of.
FITS_SECTIONS = (
    *("profile", "corpus", "datasets"),
    *("patches", "metanetwork", "interpret", "beyond", "peers"),
)

# Each of these waits for the one before it, so they go before chapters for which nobody waits.
IN_TURN = ("03_meta_autoencoder", "12_against_the_others")

# What a job may need at most, in the profile paper: Slurm and its like want to know. `runtime` is in
# minutes, `mem_mb` in megabytes. A cluster's job is tried again, with more memory: its node may have
# failed. At home an error would only come again.
RETRIES = 0 if AT_HOME else 2


def memory(megabytes):
    return lambda wildcards, attempt: megabytes * attempt


rule site:
    input:
        [f"{RUN}/chapters/{name}.ipynb" for name in CHAPTERS],
        ["_config.yml", "_toc.yml", "CITATION.cff", *PROSE],
        [str(kept.folder / PROVENANCE) for kept in references()],
        sorted(str(path) for path in Path("metanet_lib").rglob("*.py")),  # the reference shows all
    output:
        # Not the pages themselves: Snakemake would delete them before a build that may fail.
        touch("_build/html.done"),
    params:
        profile=json.dumps(PROFILE, sort_keys=True),
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    retries: RETRIES
    log:
        f"{RUN}/logs/site.log",
    shell:
        "metanet site --profile {config[profile]} --corpus {config[corpus]:q}"
        " --datasets {config[datasets]} >{log} 2>&1"


if RESULTS.is_demo:

    rule demo:
        input:
            library_files("metanet_lib.data.corpora.demo"),
        output:
            DEMO_DONE,
        threads: config["cores"]
        resources:
            mem_mb=memory(8000),
            runtime=30,
        retries: RETRIES
        log:
            "data/demo.log",
        shell:
            "metanet data demo data/demo >{log} 2>&1"


for batch, slugs in BATCHES.items():

    rule:
        name:
            f"patches_{batch}"
        input:
            CORPUS_FILES,
            PATCHES_CODE,
        output:
            [temp(f"{RUN}/patches/{slug}.safetensors") for slug in slugs],
        params:
            ids=[slug.replace("-", ":") for slug in slugs],
            fit=[f"--fit={slug.replace('-', ':')}" for slug in slugs if slug in WITH_FIT],
            new=[f"--new={slug.replace('-', ':')}" for slug in slugs if slug in WITH_NEW],
            section=section("patches"),
            corpus=FINGERPRINT,
        threads: 1
        resources:
            mem_mb=memory(6000),
            runtime=240,
        retries: RETRIES
        log:
            f"{RUN}/logs/patches_{batch}.log",
        benchmark:
            f"{RUN}/times/patches_{batch}.tsv"
        shell:
            "metanet patches {params.ids} {params.fit} {params.new} --corpus {CORPUS:q}"
            " --out {RUN:q}/patches --parameters {params.section:q} --threads {threads} >{log} 2>&1"

    rule:
        name:
            f"zoo_{batch}"
        input:
            [f"{RUN}/patches/{slug}.safetensors" for slug in slugs],
            ZOO_CODE,
        output:
            [f"{RUN}/zoo/{slug}.safetensors" for slug in slugs],
        params:
            banks=[f"{RUN}/patches/{slug}.safetensors" for slug in slugs],
            section=section("zoo"),
        threads: given_to("zoo")
        resources:
            mem_mb=memory(6000),
            runtime=720,
            gpu=int(config["device"] == "cuda"),
        retries: RETRIES
        log:
            f"{RUN}/logs/zoo_{batch}.log",
        benchmark:
            f"{RUN}/times/zoo_{batch}.tsv"
        shell:
            "metanet zoo {params.banks:q} --out {RUN:q}/zoo --threads {threads}"
            " --device {config[device]} --parameters {params.section:q} >{log} 2>&1"


for share, done in enumerate(FITS):

    rule:
        name:
            f"fits_{share}"
        input:
            CORPUS_FILES,
            SHARDS,
            library_files("metanet_lib.experiments.leaderboard"),
        output:
            touch(done),
            [] if share else FUNCTIONAL,
        params:
            share=share,
            shares=len(FITS),
            parameters=json.dumps(
                {key: PROFILE[key] for key in FITS_SECTIONS},
                sort_keys=True,
            ),
            corpus=FINGERPRINT,
        threads: given_to("fits")
        priority: 1
        resources:
            mem_mb=memory(16000),
            runtime=1440,
        retries: RETRIES
        log:
            f"{RUN}/logs/fits_{share}.log",
        benchmark:
            f"{RUN}/times/fits_{share}.tsv"
        shell:
            "{AT_MOST}metanet fits --parameters {params.parameters:q} --share {params.share}"
            " --shares {params.shares} >{log} 2>&1"


for name in CHAPTERS:

    rule:
        name:
            f"chapter_{name}"
        input:
            READS[name],
            library_files(f"notebooks/{name}.py"),
            script=f"notebooks/{name}.py",
        output:
            WRITES[name],
            notebook=f"{RUN}/chapters/{name}.ipynb",
        params:
            parameters=json.dumps(
                {key: PROFILE[key] for key in chapter_sections(f"notebooks/{name}.py")},
                sort_keys=True,
            ),
            corpus=FINGERPRINT,
        threads: given_to(name)
        priority: int(name in IN_TURN)
        resources:
            mem_mb=memory(16000 if name in SIDE_BY_SIDE else 8000),
            runtime=1440 if name in SIDE_BY_SIDE else 60,
        retries: RETRIES
        log:
            f"{RUN}/logs/{name}.log",
        benchmark:
            f"{RUN}/times/{name}.tsv"
        shell:
            "{AT_MOST}metanet chapter {input.script} {output.notebook:q}"
            " --parameters {params.parameters:q} >{log} 2>&1"
