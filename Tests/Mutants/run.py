#!/usr/bin/env python3
"""Breaks one rule of the program at a time and runs the tests that should notice. Prints every break that they let through.

    make mutants                      # all of them
    make mutants ONLY=choker          # those of some sections of breaks.txt

A break is a record of Tests/Mutants/breaks.txt:

    Choker.cs                         file name, unique beneath Core/
    - Turn = TimeSpan.FromSeconds(30)
    + Turn = TimeSpan.FromSeconds(30000)
    ChokerTests SimulationTests       the test classes that should fail

Each is a change that a tired programmer could make; whoever adds a rule adds breaks of it. Sections start with "# name". The text after "- " must stand exactly once in the file; nothing after "+" takes it out.
The work is done in obj/mutants, a copy of the sources that is kept for the next run.
"""
import argparse, os, pathlib, re, signal, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "obj/mutants"
# Seconds. A test that hangs has noticed too.
TIMEOUT = 120
OPTIONS = ["-c", "Release", "-p:Checked=true", "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false", "-v", "q"]
TESTS = "Tests/obj/out/Release/net10.0/tinytorrent.Tests.dll"


class Break:
    def __init__(self, section, lines):
        if len(lines) != 4 or lines[1][:2] != "- " or lines[2][:1] != "+":
            sys.exit("breaks.txt: not a file, a '- ' line, a '+ ' line and test classes: " + repr(lines))
        self.section, self.file = section, lines[0]
        self.old, self.new = lines[1][2:], lines[2][2:]
        self.tests = lines[3].split()

    def __str__(self):
        return f"{self.section}: {self.file}: {self.old.strip()}  ->  {self.new.strip() or 'nothing'}"


def read_breaks(path):
    section, record = "", []
    for line in [*path.read_text().splitlines(), ""]:
        if line.startswith("# "):
            section = line[2:]
        elif line.strip():
            record.append(line)
        elif record:
            yield Break(section, record)
            record = []


def copy_sources():
    """Brings the copy up to date. What has not changed keeps its time, so that little is compiled."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = {name for name in listed.stdout.split("\0") if (ROOT / name).is_file()}
    for path in [*COPY.rglob("*.cs")]:
        if "obj" not in path.relative_to(COPY).parts and str(path.relative_to(COPY)) not in names:
            path.unlink()
    for name in names:
        to, content = COPY / name, (ROOT / name).read_bytes()
        if not to.exists() or to.read_bytes() != content:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(content)


def dotnet(*arguments, timeout=None):
    """Exit code and output. The code is None if the time was up: then all that it had started is ended."""
    run = subprocess.Popen(["dotnet", *arguments], cwd=COPY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = run.communicate(timeout=timeout)
        return run.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        return None, run.communicate()[0]


def build(*options):
    """None, or the first error."""
    code, output = dotnet("build", "Tests", *OPTIONS, *options)
    return None if code == 0 else next((line for line in output.splitlines() if " error " in line), output)


def failures(classes, timeout=None):
    """What the tests of these classes say: names of failed ones, and nothing if all passed."""
    code, output = dotnet("test", TESTS, "--filter", "|".join(f"FullyQualifiedName~.{name}." for name in classes), timeout=timeout)
    if "No test matches" in output:
        return None
    if code is None:
        return ["it hangs"]
    return [] if code == 0 else re.findall(r"^ +Failed TinyTorrent\.Tests\.(?:\w+\.)*(\w+\.\w+)", output, re.M) or ["the run ends early"]


def try_break(files, one):
    """Whether the tests noticed, and what is to be said of it."""
    paths = files.get(one.file, [])
    if len(paths) != 1:
        return False, f"{len(paths)} files of that name"
    source = paths[0].read_text()
    if source.count(one.old) != 1:
        return False, f"the text stands there {source.count(one.old)} times"
    try:
        paths[0].write_text(source.replace(one.old, one.new))
        if error := build("--no-restore"):
            return False, "does not compile: " + error
        failed = failures(one.tests, TIMEOUT)
    finally:
        paths[0].write_text(source)
    if failed is None:
        return False, "no such test class"
    return bool(failed), f"noticed by {failed[0]}" if failed else "SURVIVED"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--only", default="", help="names of sections, with commas between them")
    only = [name for name in arguments.parse_args().only.split(",") if name]
    breaks = [one for one in read_breaks(ROOT / "Tests/Mutants/breaks.txt") if not only or one.section in only]
    if not breaks:
        sys.exit(f"no section {', '.join(only)}")

    copy_sources()
    if error := build():
        sys.exit(error)
    files = {}
    for path in (COPY / "Core").rglob("*.cs"):
        files.setdefault(path.name, []).append(path)

    # A test that fails anyway would seem to notice everything.
    if failed := failures(sorted({name for one in breaks for name in one.tests})):
        sys.exit("these fail without a break: " + ", ".join(failed))
    wrong = []
    for number, one in enumerate(breaks, 1):
        started = time.monotonic()
        noticed, what = try_break(files, one)
        print(f"{number}/{len(breaks)} {one}\n    {what}, {time.monotonic() - started:.0f} s", flush=True)
        if not noticed:
            wrong.append(f"{what}: {one}")
    print(f"{len(breaks)} breaks, {len(breaks) - len(wrong)} noticed, {len(wrong)} not", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
