"""The whole line in two minutes: a service of its own, a job on real digits, the ticket, the evidence, a prediction.

    python bench/demo.py [--recipe recipes/demo.json] [--out demo-output]

Starts `winnow serve` in a temporary folder on a free port, submits the recipe, watches it, and prints the table of
levels with verdicts, the sizes of the files, and what the ticket says of a digit drawn by hand. The files, the
certificate and the curve stay in the output folder; the service is gone when it ends.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.table import Table

from winnow.cli.curve import curve
from winnow.cli.output import people
from winnow.cli.tables import predictions_table, what
from winnow.cli.watching import watch
from winnow.client import Client
from winnow.contract.resources import Job, ModelFile

ROOT = Path(__file__).parents[1]
STOP_SECONDS = 20.0
# Drawn by hand in the manner of the data set, 8×8 pixels with soft edges: no network has seen it.
DRAWN = ROOT / "recipes" / "three.png"


def main(arguments: Sequence[str] | None = None) -> int:
    asked = options(arguments)
    began = time.monotonic()
    asked.out.mkdir(parents=True, exist_ok=True)
    with service(asked.out / "serve.log") as url, Client(url) as client:
        people().print(f"A service listens at {url} and does {asked.recipe.name}. Its log is {asked.out}/serve.log")
        job = watch(client, client.submit(json.loads(asked.recipe.read_text())).id, as_json=False)
        if job.result is None:
            return 1
        report(client, job, job.result.target.model_id, asked.out)
    people().print(f"\nAll of it took {time.monotonic() - began:.0f} s.")
    return 0


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "demo.json")
    parser.add_argument("--out", type=Path, default=Path("demo-output"))
    return parser.parse_args(arguments)


@contextmanager
def service(log: Path) -> Iterator[str]:
    """A service of its own in a folder that goes with it, by its URL; what it says goes into `log`."""
    with tempfile.TemporaryDirectory(prefix="winnow-demo-") as home, log.open("w") as err:
        command = [sys.executable, "-m", "winnow.cli", "serve", "--port", "0", "--home", home, "--json"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=err, text=True)
        try:
            line = next(iter(process.stdout or ()), "")
            if not line:
                raise SystemExit(f"the service did not start:\n{log.read_text()}")
            yield json.loads(line)["url"]
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


def report(client: Client, job: Job, model: str, out: Path) -> None:
    """Print what was found and leave it in `out`."""
    console = people()
    files = list(client.files(model))
    for file in files:
        client.download(model, file, out)
    (out / "certificate.json").write_bytes(client.certificate(job.id))
    (out / "curve.svg").write_text(curve(job.levels, what(job)), encoding="utf-8")
    console.print(
        "Verdicts of single levels are not adjusted for many looks; the claims are the lines below the table.\n"
    )
    console.print(sizes(files))
    console.print()
    console.print(predictions_table(client.predict(model, [DRAWN])))
    console.print(f"\nTicket, certificate and curve (curve.svg) are in {out}.")


def sizes(files: Sequence[ModelFile]) -> Table:
    table = Table(title="the target's files", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("file", "bytes", "with zeros in place", "smaller by"):
        table.add_column(name, justify="left" if name == "file" else "right")
    for file in files:
        table.add_row(file.name, f"{file.bytes:,}", f"{file.dense_bytes:,}", f"{file.dense_bytes / file.bytes:.1f} ×")
    return table


if __name__ == "__main__":
    sys.exit(main())
